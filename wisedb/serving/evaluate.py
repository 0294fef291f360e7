"""The figures of a commit: how well it answers its edits, and what it leaves alone."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.edits import Edit
from wisedb.errors import InputError, StoreError, WisedbWarning
from wisedb.memory.slots import BASE
from wisedb.model.base import LoadedBase
from wisedb.progress import Listener, Progress
from wisedb.serving.asked import Prompt
from wisedb.serving.assemble import attached_at_commit, check_mode
from wisedb.serving.evaluation import Evaluation
from wisedb.serving.exact_match import same_answer
from wisedb.serving.forced import force, own_text, read
from wisedb.serving.forms.measure import measure_forms
from wisedb.serving.generate import Continuation, check_chat
from wisedb.serving.questions import Questions, ask, trained_rephrases
from wisedb.serving.replies import REPLY_TOKENS, answers, edit_answers, replies, reply_limit
from wisedb.serving.says import says
from wisedb.serving.score import Scored, agreement, mean_share, score
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.memory.hooks import AttachedMemories
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class _Row:
    direct: list[Scored]
    rephrased: list[Scored]

    def figures(self, owners: Sequence[int]) -> tuple[float | None, float | None]:
        return mean_share(self.direct), _mean_by_edit(self.rephrased, owners)


@dataclass(frozen=True, slots=True)
class _Measured:
    """What a model, edited or not, makes of the questions.

    Attributes:
        row: the targets, teacher-forced.
        followed: the answers that follow from the edits, teacher-forced.
        direct, rephrased, follows: what it says by itself.
        unrelated: of the locality prompts what is compared: their answers, teacher-forced, or in a chat the replies.
    """

    row: _Row
    followed: list[Scored]
    direct: list[Continuation]
    rephrased: list[Continuation]
    follows: list[Continuation]
    unrelated: Sequence[Scored | Continuation]


def evaluate(
    store: Store,
    base: LoadedBase,
    rev: str = "HEAD",
    data: Sequence[Edit] | None = None,
    mode: str = "retrieve",
    limit: int | None = None,
    *,
    leave_out: Collection[str] = (),
    chat: bool = False,
    forms_seed: int | None = None,
    progress: Listener | None = None,
) -> Evaluation:
    """Measure a commit; the result is also kept in the store, beside the commit.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        rev: the commit.
        data: the records to measure, in force or not; by default the edits in force.
        mode: how the memories answer.
        limit: measure the first so many edits only.
        leave_out: rephrases and locality prompts, normalised, by which nothing is measured, since training saw them.
        chat: ask everything as a user's message behind the chat template.
        forms_seed: measure the tables of :mod:`wisedb.serving.forms` too, with this seed.
        progress: is told about it.

    Raises:
        UnknownRevision: no such commit.
        UsageError: no such mode, or a chat with a model that has no chat template.
        InputError: there is no edit to measure.
    """
    started = time.perf_counter()
    chosen = check_mode(mode)
    if chat:
        check_chat(base.tokenizer)
    commit_id = store.resolve(rev)
    commit = store.objects.commit(commit_id)
    edits = tuple(history.facts(store, commit_id) if data is None else data)[:limit]
    if not edits:
        raise InputError("there is no edit to measure at this commit", hint="Commit one, or give --data FILE.")
    report = _Steps(progress)
    questions = ask(
        store,
        base,
        edits,
        trained_on_locality=commit.trained_on_locality,
        trained_on=trained_rephrases(store, commit).union(leave_out),
        chat=chat,
    )
    plain = _measure(base, questions)
    # Where nothing can be forced on, its own text isn't asked for.
    some = questions.locality if chosen != "base" and commit.memories else ()
    text = own_text(base, some, chat=chat)
    report.step()
    with attached_at_commit(store, base, commit, chosen, progress=progress) as handle:
        measured, oracle, owners, forced, kept = plain, plain.row, None, None, None
        if handle is not None:
            measured = _measure(base, questions, handle)
            report.step()
            owners = _owners(handle, edits)
            oracle = _score_row(base, questions, handle, oracle=owners, meant=_places(handle, edits))
            forced, kept = force(base, text, handle), read(base, text, handle)
    report.step(last=True)
    worded = [] if owners is None else [owners[owner] for owner in questions.owners]
    forms = None
    if forms_seed is not None:
        forms = measure_forms(store, base, commit_id, edits, chosen, chat=chat, seed=forms_seed, progress=progress)
    reliability, generalization = measured.row.figures(questions.owners)
    oracle_reliability, oracle_generalization = oracle.figures(questions.owners)
    base_reliability, base_generalization = plain.row.figures(questions.owners)
    expected = [answer for pairs in questions.follows for _, answer in pairs]
    wordings = [edit for edit, texts in zip(edits, questions.rephrases, strict=True) for _ in texts]
    result = Evaluation(
        commit=commit_id,
        mode=mode,
        n=len(edits),
        reliability=reliability,
        generalization=generalization,
        locality=_mean(map(_same, measured.unrelated, plain.unrelated)),
        exact_match=_mean(map(_exact, measured.direct, edits)),
        exact_match_rephrase=_mean(map(_exact, measured.rephrased, wordings)),
        recall_at_1=None if owners is None else _recall(measured.direct, owners),
        recall_at_1_rephrase=None if owners is None else _recall(measured.rephrased, worded),
        false_fire=_mean(float(item.route != BASE) for item in measured.unrelated),
        oracle={"reliability": oracle_reliability, "generalization": oracle_generalization},
        base={
            "reliability": base_reliability,
            "generalization": base_generalization,
            "exact_match": _mean(map(_exact, plain.direct, edits)),
            "says_it": _mean(map(_says, plain.direct, edits)),
            "right_by_text": _mean(map(_right, plain.direct, edits)),
            "portability": _mean_by_edit(plain.followed, questions.bearers),
            "exact_match_portability": _mean(map(_exactly, plain.follows, expected)),
        },
        seconds=time.perf_counter() - started,
        format="chat" if chat else "raw",
        says_it=_mean(map(_says, measured.direct, edits)),
        says_it_rephrase=_mean(map(_says, measured.rephrased, wordings)),
        right_by_text=_mean(map(_right, measured.direct, edits)),
        right_by_text_rephrase=_mean(map(_right, measured.rephrased, wordings)),
        forms=forms,
        forced=forced,
        text=kept,
        portability=_mean_by_edit(measured.followed, questions.bearers),
        exact_match_portability=_mean(map(_exactly, measured.follows, expected)),
    )
    parts = {"chat": chat, "forms": forms is not None, "data": data is not None or limit is not None}
    try:
        store.scores.put(
            commit_id, "-".join([mode, *(part for part, there in parts.items() if there)]), result.to_json()
        )
    except StoreError as error:
        # What was measured is worth more than that the store remembers it.
        warnings.warn(f"the figures aren't kept in the store: {error.message}", WisedbWarning, stacklevel=2)
    return result


def exact_matches(base: LoadedBase, asked: Sequence[tuple[str, str]], handle: AttachedMemories | None) -> list[bool]:
    """Whether the greedy answer to each prompt, at its natural stop, is the expected one (``normalise_answer``)."""
    said = answers(base, asked, handle, others=False)
    return [
        answer.stopped and same_answer(answer.text, target) for answer, (_, target) in zip(said, asked, strict=True)
    ]


def _measure(base: LoadedBase, questions: Questions, handle: AttachedMemories | None = None) -> _Measured:
    edits = questions.edits
    worded = [(text, edit.target) for edit, texts in zip(edits, questions.rephrases, strict=True) for text in texts]
    follows = [pair for pairs in questions.follows for pair in pairs]
    row = _score_row(base, questions, handle)
    pad = base.tokenizer.pad_token_id or 0
    followed = score(base.model, questions.followed, pad, handle=handle)
    if not questions.chat:
        unrelated = score(base.model, questions.unrelated, pad, handle=handle)
        rephrased, further = (answers(base, some, handle) for some in (worded, follows))
        return _Measured(row, followed, edit_answers(base, edits, handle), rephrased, further, unrelated)

    def said(prompts: Iterable[Prompt], limits: Iterable[int]) -> list[Continuation]:
        return replies(base, list(prompts), list(limits), handle, chat=True)

    return _Measured(
        row,
        followed,
        edit_answers(base, edits, handle, chat=True),
        said((prompt for prompt, _ in worded), (reply_limit(len(pair.answer)) for pair in questions.rephrased)),
        said((prompt for prompt, _ in follows), (reply_limit(len(pair.answer)) for pair in questions.followed)),
        said(questions.locality, (REPLY_TOKENS for _ in questions.locality)),
    )


def _exact(answer: Continuation, edit: Edit) -> float:
    return _exactly(answer, edit.target)


def _exactly(answer: Continuation, expected: str) -> float:
    return float(answer.stopped and same_answer(answer.text, expected))


def _says(answer: Continuation, edit: Edit) -> float:
    return float(says(answer.text, edit.target, edit.ground_truth))


def _right(answer: Continuation, edit: Edit) -> float:
    return float(answer.stopped) * _says(answer, edit)


def _same(after: Scored | Continuation, before: Scored | Continuation) -> float:
    """How far both agree: the share of tokens, or whether the replies are the same word for word."""
    if isinstance(after, Scored) and isinstance(before, Scored):
        return agreement(after.predicted, before.predicted)
    assert isinstance(after, Continuation) and isinstance(before, Continuation)
    return float(after.text == before.text)


def _score_row(
    base: LoadedBase,
    questions: Questions,
    handle: AttachedMemories | None = None,
    oracle: Sequence[int] | None = None,
    meant: Sequence[int] | None = None,
) -> _Row:
    pad = base.tokenizer.pad_token_id or 0
    told, edits = (None if each is None else [each[owner] for owner in questions.owners] for each in (oracle, meant))
    return _Row(
        score(base.model, questions.direct, pad, handle=handle, routes=oracle, meant=meant),
        score(base.model, questions.rephrased, pad, handle=handle, routes=told, meant=edits),
    )


def _owners(handle: AttachedMemories, edits: Sequence[Edit]) -> list[int]:
    # What no gated memory holds has the base's number: no gate can find it.
    held = {edit_id: place for place, memory in enumerate(handle.memories) for edit_id in memory.edits}
    return [held.get(edit.id, BASE) for edit in edits]


def _places(handle: AttachedMemories, edits: Sequence[Edit]) -> list[int]:
    # The place of each edit among its memory's; 0 where no memory holds it.
    held = {edit_id: place for memory in handle.memories for place, edit_id in enumerate(memory.edits)}
    return [held.get(edit.id, 0) for edit in edits]


def _recall(said: Sequence[Continuation], owners: Sequence[int]) -> float | None:
    return _mean(float(item.route == owner) for item, owner in zip(said, owners, strict=True) if owner != BASE)


def _mean_by_edit(scored: Sequence[Scored], owners: Sequence[int]) -> float | None:
    """The mean over each edit's shares, then over the edits, ``None`` over nothing."""
    groups: dict[int, list[float]] = {}
    for owner, item in zip(owners, scored, strict=True):
        groups.setdefault(owner, []).append(item.share)
    return _mean(sum(group) / len(group) for group in groups.values())


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else None


class _Steps:
    """Three reports an evaluation."""

    def __init__(self, listener: Listener | None, total: int = 3) -> None:
        self._listener, self._done, self._total = listener, 0, total

    def step(self, *, last: bool = False) -> None:
        self._done = self._total if last else self._done + 1
        if self._listener is not None:
            self._listener(Progress("evaluating", self._done, self._total))
