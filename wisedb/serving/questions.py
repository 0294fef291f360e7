"""What a model is asked when a commit is measured: its edits, other wordings of them, and unrelated prompts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.edits import Edit, normalise_prompt
from wisedb.model.base import LoadedBase
from wisedb.serving.asked import question
from wisedb.serving.generate import continue_prompts
from wisedb.serving.memory_codec import KEYS
from wisedb.serving.score import Pair, pairs_of
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

_OWN_ANSWER = 5
"""Tokens of the unedited model's own answer over which locality is measured where no answer is given."""


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked of a model, encoded once.

    Attributes:
        edits: the edits measured.
        direct: one pair an edit: its prompt and target.
        rephrases: by edit, the wordings that are measured.
        rephrased: one pair a rephrase: that wording and the target.
        owners: for each of ``rephrased``, the edit's place in ``edits``.
        follows: by edit, the questions whose answer follows from it, with that answer.
        followed: one pair each of them.
        bearers: for each of ``followed``, the edit's place in ``edits``.
        locality: the unrelated prompts.
        unrelated: the same with the answer tokens over which they are compared; in a chat, where whole replies are
            compared, empty.
        chat: whether each is a user's message behind the chat template.
    """

    edits: tuple[Edit, ...]
    direct: tuple[Pair, ...]
    rephrases: tuple[tuple[str, ...], ...]
    rephrased: tuple[Pair, ...]
    owners: tuple[int, ...]
    follows: tuple[tuple[tuple[str, str], ...], ...]
    followed: tuple[Pair, ...]
    bearers: tuple[int, ...]
    locality: tuple[str, ...]
    unrelated: tuple[Pair, ...]
    chat: bool = False


def ask(
    store: Store,
    base: LoadedBase,
    edits: tuple[Edit, ...],
    *,
    trained_on_locality: bool,
    trained_on: Collection[str] = (),
    chat: bool = False,
) -> Questions:
    """Encode everything that is asked about ``edits``, in a chat behind the template.

    Rephrases, questions about what follows and locality prompts that were trained on (``trained_on``, normalised) are
    left out: others measure.

    Unrelated prompts are the edits' own locality prompts, or, where there are none or the editor trained on them, the
    part of the store's pool that no training sees. What training saw all the same (a model that writes its own pool
    may come upon such a prompt) and what is itself edited is left out.
    """
    pool = {} if store.config.editor.pool is None else store.objects.meta(store.config.editor.pool)[1]
    seen = {normalise_prompt(prompt) for prompt in pool.get("prompts", [])} | {edit.key for edit in edits}
    seen.update(trained_on)
    unrelated: dict[tuple[str, str | None], None] = {}
    if not trained_on_locality:
        listed = [item for edit in edits for item in edit.locality]
        unrelated = {(item.prompt, item.answer): None for item in listed if normalise_prompt(item.prompt) not in seen}
    if not unrelated:
        unrelated = {(prompt, None): None for prompt in pool.get("held_out", [])}
    wordings = tuple(
        tuple(text for text in edit.rephrases if normalise_prompt(text) not in trained_on) for edit in edits
    )
    worded = [(text, edit.target) for edit, texts in zip(edits, wordings, strict=True) for text in texts]
    follows = tuple(
        tuple(
            (item.prompt, item.answer)
            for item in edit.portability
            if item.answer and normalise_prompt(item.prompt) not in trained_on
        )
        for edit in edits
    )
    return Questions(
        edits,
        tuple(pairs_of(base.tokenizer, [(question(edit, chat=chat), edit.target) for edit in edits])),
        wordings,
        tuple(pairs_of(base.tokenizer, worded, chat=chat)),
        tuple(place for place, texts in enumerate(wordings) for _ in texts),
        follows,
        tuple(pairs_of(base.tokenizer, [pair for pairs in follows for pair in pairs], chat=chat)),
        tuple(place for place, pairs in enumerate(follows) for _ in pairs),
        tuple(dict.fromkeys(prompt for prompt, _ in unrelated)),
        () if chat else _answered(base, list(unrelated)),
        chat,
    )


def _answered(base: LoadedBase, unrelated: Sequence[tuple[str, str | None]]) -> tuple[Pair, ...]:
    """Each with its answer, or with what the unedited model says where none is given."""
    open_ended = [prompt for prompt, answer in unrelated if answer is None]
    own = iter(continue_prompts(base.model, base.tokenizer, open_ended, max_new_tokens=_OWN_ANSWER))
    answered = [(prompt, next(own).text if answer is None else answer) for prompt, answer in unrelated]
    # A model that answers with its end token at once leaves nothing to compare.
    return tuple(pairs_of(base.tokenizer, [(prompt, answer) for prompt, answer in answered if answer.strip()]))


def trained_rephrases(store: Store, commit: Commit) -> frozenset[str]:
    """The rephrases, normalised, by which memories of a commit were told to be found."""
    keys = (memory.blobs.get(KEYS) for memory in commit.memories)
    metas = (store.blob_cache.meta(blob_id) for blob_id in keys if blob_id is not None)
    told = [edit_id for meta in metas if meta.get("rephrases") for edit_id in meta["edits"]]
    return frozenset(normalise_prompt(text) for edit in history.edits_of(store, told) for text in edit.rephrases)
