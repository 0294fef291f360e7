"""The tables of forms, measured at a commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wisedb.edits import Edit
from wisedb.model.chat import chat_format
from wisedb.model.tokens import context_length
from wisedb.progress import Listener, Progress
from wisedb.serving.asked import Chat, Prompt, encode_asked
from wisedb.serving.assemble import attached_at_commit, check_mode
from wisedb.serving.forms.figures import FormFigures, HowAsked, MustNotFire
from wisedb.serving.forms.form import Form
from wisedb.serving.forms.how_asked import HOW_ASKED
from wisedb.serving.forms.must_not_fire import MUST_NOT_FIRE
from wisedb.serving.forms.others import Others
from wisedb.serving.replies import replies, reply_limit
from wisedb.serving.says import says
from wisedb.serving.score import pairs_of
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.memory.hooks import AttachedMemories
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store

SILENT_TOKENS: Final = 16
"""Tokens of a reply over which "what must not fire" compares."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """One form, put to the edits that can have it.

    Attributes:
        form: the form.
        places: the edits' places among those that are measured.
        prompts: what each is asked.
        limits: the longest reply to each, in tokens.
        one_line: whether the end of the line ends what continues a plain prompt.
    """

    form: Form
    places: tuple[int, ...]
    prompts: tuple[Prompt, ...]
    limits: tuple[int, ...]
    one_line: bool


def measure_forms(
    store: Store,
    base: LoadedBase,
    commit_id: str,
    edits: Sequence[Edit],
    mode: str = "retrieve",
    *,
    chat: bool = False,
    seed: int = 0,
    progress: Listener | None = None,
) -> FormFigures:
    """Measure both tables. Conversations are asked where the model has a chat template.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        commit_id: the commit.
        edits: the edits that are measured.
        mode: how the memories answer.
        chat: ask the plain forms too as a user's message behind the chat template.
        seed: of every choice.
        progress: is told about it.

    Raises:
        UsageError: no such mode, or a chat with a model that has no chat template.
    """
    chosen, commit = check_mode(mode), store.objects.commit(commit_id)
    others = Others([*history.facts(store, commit_id), *edits], locality=not commit.trained_on_locality)
    pairs = pairs_of(base.tokenizer, [(edit.prompt, edit.target) for edit in edits])
    limits = [reply_limit(len(pair.answer)) for pair in pairs]
    one_line = not any("\n" in edit.target for edit in edits)
    asked = [_put(base, form, edits, others, limits, one_line, chat, seed) for form in _possible(base, HOW_ASKED)]
    # Whether anything changed shows over all tokens.
    short = [SILENT_TOKENS] * len(edits)
    silent = [_put(base, form, edits, others, short, False, chat, seed) for form in _possible(base, MUST_NOT_FIRE)]
    report = _Steps(progress, 2 * len(asked + silent))
    before = [_said(base, asking, None, chat, report) for asking in asked + silent]
    with attached_at_commit(store, base, commit, chosen, progress=progress) as handle:
        after = [_said(base, asking, handle, chat, report) for asking in asked + silent]
    plain = _right(asked[0], after[0], edits)
    several = list(zip(asked + silent, before, after, strict=True))
    return FormFigures(
        seed,
        {one.form.name: _how_asked(one, was, now, edits, plain) for one, was, now in several[: len(asked)]},
        {one.form.name: _must_not_fire(one, was, now) for one, was, now in several[len(asked) :]},
    )


def _possible(base: LoadedBase, forms: Sequence[Form]) -> list[Form]:
    """Those that the model's template has room for: only texts where there is none."""
    frame = chat_format(base.tokenizer)
    return [form for form in forms if form.kind == "plain" or (frame and (frame.system or not form.system))]


def _put(
    base: LoadedBase,
    form: Form,
    edits: Sequence[Edit],
    others: Others,
    limits: Sequence[int],
    one_line: bool,
    chat: bool,
    seed: int,
) -> _Asking:
    """Put a form to the edits; a prompt that leaves no room for the reply in the model's context is left out."""
    length = context_length(base.model)
    found = []
    for place, (edit, limit) in enumerate(zip(edits, limits, strict=True)):
        prompt = form.of(edit, others, seed)
        if prompt is None:
            continue
        ids = encode_asked(base.tokenizer, prompt, Chat() if chat else None)
        if length is None or len(ids) + limit <= length:
            found.append((place, prompt, limit))
    return _Asking(
        form,
        tuple(place for place, _, _ in found),
        tuple(prompt for _, prompt, _ in found),
        tuple(limit for _, _, limit in found),
        one_line,
    )


def _said(
    base: LoadedBase, asking: _Asking, handle: AttachedMemories | None, chat: bool, report: _Steps
) -> tuple[str, ...]:
    found = replies(base, asking.prompts, asking.limits, handle, chat=chat, one_line=asking.one_line)
    report.step()
    return tuple(reply.text for reply in found)


def _right(asking: _Asking, texts: Sequence[str], edits: Sequence[Edit]) -> dict[int, bool]:
    """By the edit's place, whether its target is said, and not its old answer."""
    return {
        place: says(text, edits[place].target, edits[place].ground_truth)
        for place, text in zip(asking.places, texts, strict=True)
    }


def _how_asked(
    asking: _Asking, before: Sequence[str], after: Sequence[str], edits: Sequence[Edit], plain: Mapping[int, bool]
) -> HowAsked:
    old = [(edits[place].ground_truth, text) for place, text in zip(asking.places, before, strict=True)]
    return HowAsked(
        asking.form.kind,
        len(asking.places),
        _share(_right(asking, after, edits).values()),
        _share(plain[place] for place in asking.places if place in plain),
        _share(_right(asking, before, edits).values()),
        _share(says(text, answer) for answer, text in old if answer),
    )


def _must_not_fire(asking: _Asking, before: Sequence[str], after: Sequence[str]) -> MustNotFire:
    changed = _share(one != other for one, other in zip(before, after, strict=True))
    return MustNotFire(asking.form.kind, len(asking.places), changed)


def _share(flags: Iterable[bool]) -> float | None:
    found = list(flags)
    return sum(found) / len(found) if found else None


class _Steps:
    """One report a form and model."""

    def __init__(self, listener: Listener | None, total: int) -> None:
        self._listener, self._done, self._total = listener, 0, total

    def step(self) -> None:
        self._done += 1
        if self._listener is not None:
            self._listener(Progress("asking", self._done, self._total))
