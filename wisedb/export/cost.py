"""What a plain checkpoint costs: how well it says its edits, and how much of the base model it leaves as it was."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wisedb.editors.common.pool import make_pool
from wisedb.editors.registry import bind
from wisedb.edits import Edit, normalise_prompt
from wisedb.errors import TooCostly
from wisedb.model.chat import chat_format
from wisedb.serving.asked import question
from wisedb.serving.replies import replies
from wisedb.serving.score import mean_share, pairs_of, score
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.memory.memory import Memory
    from wisedb.model.base import LoadedBase
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

LEAST_AGREEMENT: Final = 0.9
"""Below it a checkpoint is written only where that is insisted on."""

# Prompts that are asked, at least: where the store keeps fewer apart, the model writes more. Set by hand.
_PROMPTS = 50
# Tokens over which two continuations are compared: about what a fact takes. Set by hand.
_TOKENS = 8
# Another seed than a store's pool is likely to have, so that other prompts come.
_SEED = 0x6D65


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plain checkpoint is worth; shares are 0 to 1, ``None`` where there was nothing to measure.

    Attributes:
        reliability: mean over the edits in force of the share of target tokens that are the argmax, teacher-forced.
        agreement: share of the unrelated prompts that it continues as the base model does: greedily, over 8 tokens or
            to the natural stop, word for word.
        edits: how many edits were asked.
        prompts: how many unrelated prompts.
    """

    reliability: float | None
    agreement: float | None
    edits: int
    prompts: int

    def to_json(self) -> dict[str, float | None]:
        """The two shares, as the checkpoint's folder and ``wisedb export --json`` hold them."""
        return {"reliability": self.reliability, "agreement": self.agreement}

    def check(self) -> None:
        """Refuse a checkpoint that leaves too little as it was.

        Raises:
            TooCostly: the agreement is below :data:`LEAST_AGREEMENT`.
        """
        if self.agreement is not None and self.agreement < LEAST_AGREEMENT:
            raise TooCostly(
                f"the merged checkpoint would continue only {self.agreement:.0%} of {self.prompts} unrelated prompts"
                " as the base model does, and nothing was written",
                hint="Use --format adapter or peft, whose memories answer only where they are meant; or --force.",
            )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a checkpoint is asked.

    Attributes:
        edits: those in force.
        chats: ids of those that were learned behind the chat template and nowhere else.
        unrelated: prompts that are no edit's, and that no training saw.
    """

    edits: Sequence[Edit]
    chats: Collection[str]
    unrelated: Sequence[str]


def asked_at(store: Store, base: LoadedBase, commit_id: str, commit: Commit, memories: Sequence[Memory]) -> Asked:
    """What to ask a checkpoint of a commit.

    The unrelated prompts are those of the store's pool that no training sees; where they are few, the model writes
    more, of which those that training saw are left out.

    Args:
        store: the store.
        base: the base model as it is.
        commit_id: the commit.
        commit: the same.
        memories: those of the commit, in its order.
    """
    edits = tuple(history.facts(store, commit_id))
    chats: set[str] = set()
    for entry, memory in zip(commit.memories, memories, strict=True):
        if entry.editor is not None and bind(entry.editor).chat_only():
            chats.update(memory.edits)
    pool = {} if store.config.editor.pool is None else store.objects.meta(store.config.editor.pool)[1]
    own = {normalise_prompt(text) for edit in edits for text in (edit.prompt, *edit.rephrases)}
    seen = own | {normalise_prompt(text) for text in pool.get("prompts", [])}
    unrelated = {normalise_prompt(text): text for text in pool.get("held_out", [])}
    if len(unrelated.keys() - seen) < _PROMPTS:
        more = make_pool(base.model, base.tokenizer, _SEED, 2 * _PROMPTS, 0).prompts
        unrelated.update((normalise_prompt(text), text) for text in more)
    kept = [text for key, text in unrelated.items() if key not in seen]
    return Asked(edits, chats | {edit.id for edit in edits if edit.messages}, kept[:_PROMPTS])


def continuations(base: LoadedBase, prompts: Sequence[str]) -> list[str]:
    """What a model says to prompts, greedily; one that has a chat template is asked behind it.

    Args:
        base: the model.
        prompts: the prompts.
    """
    chat = chat_format(base.tokenizer) is not None
    said = replies(base, list(prompts), [_TOKENS] * len(prompts), chat=chat, one_line=not chat)
    return [answer.text for answer in said]


def measure_cost(base: LoadedBase, asked: Asked, before: Sequence[str]) -> Cost:
    """Ask a model whose weights were changed.

    Args:
        base: the changed model.
        asked: what to ask.
        before: what :func:`continuations` gave before the change.
    """
    pairs = pairs_of(
        base.tokenizer, [(question(edit, chat=edit.id in asked.chats), edit.target) for edit in asked.edits]
    )
    scored = score(base.model, pairs, base.tokenizer.pad_token_id or 0) if pairs else []
    after = continuations(base, asked.unrelated)
    same = [one == other for one, other in zip(before, after, strict=True)]
    return Cost(mean_share(scored), sum(same) / len(same) if same else None, len(pairs), len(same))
