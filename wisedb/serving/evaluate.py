"""The figures of a commit: how well it answers its edits, and what it leaves alone."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit
from wisedb.errors import InputError
from wisedb.memory.slots import BASE
from wisedb.model.base import LoadedBase
from wisedb.progress import Listener, Progress
from wisedb.serving.assemble import attached_at_commit, check_mode
from wisedb.serving.evaluation import Evaluation
from wisedb.serving.exact_match import same_answer
from wisedb.serving.generate import continue_prompts
from wisedb.serving.questions import Questions, ask, trained_rephrases
from wisedb.serving.score import Scored, agreement, mean_share, pairs_of, score
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.memory.hooks import AttachedMemories
    from wisedb.store.store import Store

_EXTRA_TOKENS = 8
"""Tokens beyond the target's that an answer may take until it stops by itself: closing punctuation, a newline."""
_ANSWER_BATCH = 64
"""Prompts that are answered with one token limit."""


@dataclass(frozen=True, slots=True)
class _Row:
    direct: list[Scored]
    rephrased: list[Scored]

    def figures(self, owners: Sequence[int]) -> tuple[float | None, float | None]:
        groups: dict[int, list[float]] = {}
        for owner, item in zip(owners, self.rephrased, strict=True):
            groups.setdefault(owner, []).append(item.share)
        means = [sum(group) / len(group) for group in groups.values()]
        return mean_share(self.direct), sum(means) / len(means) if means else None


def evaluate(
    store: Store,
    base: LoadedBase,
    rev: str = "HEAD",
    data: Sequence[Edit] | None = None,
    mode: str = "retrieve",
    limit: int | None = None,
    *,
    leave_out: Collection[str] = (),
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
        progress: is told about it.

    Raises:
        UnknownRevision: no such commit.
        UsageError: no such mode.
        InputError: there is no edit to measure.
    """
    started = time.perf_counter()
    chosen = check_mode(mode)
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
    )
    pad = base.tokenizer.pad_token_id or 0

    plain = _score_row(base, questions, pad)
    plain_unrelated = score(base.model, questions.unrelated, pad)
    plain_exact, _ = _exact(base, questions, None)
    report.step()
    with attached_at_commit(store, base, commit, chosen, progress=progress) as handle:
        if handle is None:
            row, oracle, unrelated = plain, plain, plain_unrelated
        else:
            row = _score_row(base, questions, pad, handle)
            unrelated = score(base.model, questions.unrelated, pad, handle=handle)
            report.step()
            oracle = _score_row(base, questions, pad, handle, oracle=_owners(handle, edits))
        report.step()
        exact, exact_rephrase = _exact(base, questions, handle)
        recall, recall_rephrase = None, None
        if handle is not None:
            owners = _owners(handle, edits)
            recall = _recall(row.direct, owners)
            recall_rephrase = _recall(row.rephrased, [owners[owner] for owner in questions.owners])
    report.step(last=True)

    reliability, generalization = row.figures(questions.owners)
    oracle_reliability, oracle_generalization = oracle.figures(questions.owners)
    base_reliability, base_generalization = plain.figures(questions.owners)
    result = Evaluation(
        commit=commit_id,
        mode=mode,
        n=len(edits),
        reliability=reliability,
        generalization=generalization,
        locality=_mean(
            agreement(after.predicted, before.predicted)
            for after, before in zip(unrelated, plain_unrelated, strict=True)
        ),
        exact_match=exact,
        exact_match_rephrase=exact_rephrase,
        recall_at_1=recall,
        recall_at_1_rephrase=recall_rephrase,
        false_fire=_mean(float(item.route != BASE) for item in unrelated),
        oracle={"reliability": oracle_reliability, "generalization": oracle_generalization},
        base={"reliability": base_reliability, "generalization": base_generalization, "exact_match": plain_exact},
        seconds=time.perf_counter() - started,
    )
    name = mode if data is None and limit is None else f"{mode}-data"
    store.scores.put(commit_id, name, result.to_json())
    return result


def exact_matches(base: LoadedBase, asked: Sequence[tuple[str, str]], handle: AttachedMemories | None) -> list[bool]:
    """Whether the greedy answer to each prompt, at its natural stop, is the expected one (``normalise_answer``).

    An answer stops at the end token, or at the end of the line where the expected answer is one line.
    """
    lengths = [len(pair.answer) for pair in pairs_of(base.tokenizer, asked)]
    found: dict[int, bool] = {}
    for lines in (True, False):
        rows = [row for row, (_, target) in enumerate(asked) if ("\n" in target) != lines]
        rows.sort(key=lambda row: lengths[row])
        # Answers of similar length together: one long target must not make every prompt wait for its length.
        for start in range(0, len(rows), _ANSWER_BATCH):
            some = rows[start : start + _ANSWER_BATCH]
            answers = continue_prompts(
                base.model,
                base.tokenizer,
                [asked[row][0] for row in some],
                max_new_tokens=lengths[some[-1]] + _EXTRA_TOKENS,
                handle=handle,
                one_line=lines,
            )
            for row, answer in zip(some, answers, strict=True):
                found[row] = answer.stopped and same_answer(answer.text, asked[row][1])
    return [found[row] for row in range(len(asked))]


def _exact(
    base: LoadedBase, questions: Questions, handle: AttachedMemories | None
) -> tuple[float | None, float | None]:
    edits = questions.edits
    direct = exact_matches(base, [(edit.prompt, edit.target) for edit in edits], handle)
    wordings = zip(edits, questions.rephrases, strict=True)
    rephrased = exact_matches(base, [(text, edit.target) for edit, texts in wordings for text in texts], handle)
    return _mean(map(float, direct)), _mean(map(float, rephrased))


def _score_row(
    base: LoadedBase,
    questions: Questions,
    pad: int,
    handle: AttachedMemories | None = None,
    oracle: Sequence[int] | None = None,
) -> _Row:
    told = None if oracle is None else [oracle[owner] for owner in questions.owners]
    return _Row(
        score(base.model, questions.direct, pad, handle=handle, routes=oracle),
        score(base.model, questions.rephrased, pad, handle=handle, routes=told),
    )


def _owners(handle: AttachedMemories, edits: Sequence[Edit]) -> list[int]:
    # What no gated memory holds has the base's number: no gate can find it.
    held = {edit_id: place for place, memory in enumerate(handle.memories) for edit_id in memory.edits}
    return [held.get(edit.id, BASE) for edit in edits]


def _recall(direct: Sequence[Scored], owners: Sequence[int]) -> float | None:
    return _mean(float(item.route == owner) for item, owner in zip(direct, owners, strict=True) if owner != BASE)


def _mean(values: Any) -> float | None:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else None


class _Steps:
    """Four reports an evaluation."""

    def __init__(self, listener: Listener | None, total: int = 4) -> None:
        self._listener, self._done, self._total = listener, 0, total

    def step(self, *, last: bool = False) -> None:
        self._done = self._total if last else self._done + 1
        if self._listener is not None:
            self._listener(Progress("evaluating", self._done, self._total))
