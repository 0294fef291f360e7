"""A lesson: several edits fitted into one shard together, while the shard's earlier edits are rehearsed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

import torch
from torch import Tensor

from wisedb.editors.stream import StreamItem
from wisedb.editors.wise.agenda import Agenda
from wisedb.editors.wise.batch import Batch, Prompts, Row, Rows, collate
from wisedb.editors.wise.config import WiseConfig
from wisedb.editors.wise.hinges import Quiet
from wisedb.editors.wise.loss import Margins, answer_loss, lead, memo_loss, routing_loss
from wisedb.editors.wise.plan import seed_of
from wisedb.editors.wise.prepared import PreparedModel
from wisedb.editors.wise.sheet import Pick, Sheet, answers_of
from wisedb.editors.wise.steps import SLACK, Outcome, change_of, damp, finite, optimise
from wisedb.editors.wise.subspace import Subspace
from wisedb.editors.wise.views import views
from wisedb.editors.wise.whitening import Change
from wisedb.edits import Edit
from wisedb.memory.activation import activation

# A lesson of which more than this share isn't said after its steps gets them again.
_UNSAID = 0.1
# Earlier edits that a lesson rehearses, or twice as many as it has, whichever is more.
_REHEARSED = 32
# Each time that a shard has grown by so many edits, the next lesson rehearses all of it.
_WHOLE = 8
# A lesson of so few edits takes damped steps (see :func:`wisedb.editors.wise.steps.damp`).
_FEW = 4
# Steps between an examination that found something and the next one.
_WAIT = 4
# Steps between two reports.
_REPORT = 10

Report = Callable[[float, float | None], None]
"""Told the share of the lesson that is done, and the last step's loss."""


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """What one step works on: rows of the lesson's edits, then of earlier ones, then prompts to keep.

    Attributes:
        fresh, known: the edits whose views they are.
        batch: all of them.
    """

    fresh: Sequence[Pick]
    known: Sequence[Pick]
    batch: Batch


class LessonWriter:
    """Fits lessons into ΔW under one mask.

    Args:
        base: the prepared base model.
        config: how.
        seed: every random choice comes from it and from the ids of the lesson's edits.
        subspace: the shard's entries.
        rows: the pool's rows.
    """

    def __init__(self, base: PreparedModel, config: WiseConfig, seed: int, subspace: Subspace, rows: Rows) -> None:
        self._base = base
        self._config = config
        self._seed = seed
        self._subspace = subspace
        self._rows = rows
        self._margins = Margins(config.alpha, config.beta, config.gamma)

    def write(
        self, values: Tensor, lesson: Sequence[StreamItem], earlier: Sequence[Edit], report: Report | None = None
    ) -> tuple[Tensor, list[Outcome]]:
        """Train ``values`` until they say all of ``lesson`` and still say ``earlier``.

        Minibatches over the edits, each bare half of the time and else behind another of its views; those that are
        wrong come again soon, the others at growing intervals, until all are right in a row and an examination agrees.

        Args:
            values: ΔW at the mask's entries, ``(entries,)``, float32.
            lesson: the edits to learn.
            earlier: the shard's edits so far, for rehearsal.
            report: told now and then.

        Returns:
            The new values, float32, and how each edit of the lesson went in.

        Raises:
            TrainingFailed: a value is no longer a number, or a prompt is longer than the model reads.
        """
        config = self._config
        chooser = Random(seed_of(self._seed, "lesson", *(item.edit.id for item in lesson)))
        known = _rehearsed(earlier, len(lesson), chooser) if config.rehearsal else ()
        repair = len(known) == len(earlier)
        course = _Course(self._base, config, lesson, known, self._rows, chooser)
        looked = self._look(course.known, course.known.bare, self._subspace.delta(values))
        course.lost = {number for number, said, _ in looked if not said}
        if repair:
            course.rehearsal.press(course.lost, 0)
            course.lost = set()
        features = course.features() if config.whiten else None
        change = Change(self._subspace, values, config.max_delta, features)
        steps, loss = 0, None
        looks: list[tuple[int, bool, bool]] = []
        for _ in range(config.attempts):
            taken, loss = self._attempt(course, change, report)
            steps += taken
            looks = list(self._look(course.fresh, course.fresh.bare, change.delta().detach()))
            if sum(not said for _, said, _ in looks) <= _UNSAID * len(lesson):
                break
        values = change.values().detach()
        finite(values, lesson[0].edit.prompt)
        outcomes = [Outcome(steps, loss, firm, said) for _, said, firm in sorted(looks)]
        return values, outcomes

    def _attempt(self, course: _Course, change: Change, report: Report | None) -> tuple[int, float | None]:
        # Takes the steps of one schedule, in place; how many, and the last one's loss.
        config = self._config
        total = max(config.steps, ceil(config.passes * len(course.fresh) / course.agenda.seats))
        optimizer, schedule = optimise(config, change.parameter, total)
        loss: float | None = None
        calm, wait = True, 0
        for step in range(total):
            if calm and step >= wait and course.agenda.done():
                if not self._examine(course, change.delta().detach(), step):
                    return step, loss
                wait = step + _WAIT
            taken = course.next()
            mean, calm = self._step(course, taken, change, step)
            if step == 0 and len(course.fresh) <= _FEW:
                damp(optimizer, change.parameter)
            optimizer.step()
            schedule.step()
            if step % _REPORT == 0:
                loss = float(mean)
                if report is not None:
                    report(step / total, loss)
        return total, loss

    def _step(self, course: _Course, taken: _Step, shift: Change, step: int) -> tuple[Tensor, bool]:
        # L = −log P(y_e | x_e) + L_a', L_a' = L_a + L_memo, and what it says of each edit; the gradient is left behind.
        config = self._config
        kept, irrelevant, replay = course.quiet.next()
        batch = collate([*course.rows(taken), *kept]) if kept else taken.batch
        edits = len(taken.fresh) + len(taken.known)
        delta = shift.delta()
        change = change_of(batch.prompts, delta)
        logits = self._base.shortcut.logits(batch.ids, batch.hidden, change, batch.at)
        labels, weights = batch.labels.to(logits.device), batch.weights.to(logits.device)
        loss = answer_loss(logits, labels, weights).to(delta.device)
        calm, heard = True, None
        if config.hinged:
            levels = activation(change, batch.prompts.prompt)
            others = torch.cat([levels[edits:], _levels(irrelevant, delta)])
            routed = routing_loss(levels[:edits], others, self._margins)
            routed = routed + memo_loss(_levels(replay, delta), self._margins)
            loss = loss + config.routing_weight * routed
            course.quiet.mark(others.detach())
            heard = levels[:edits].detach() >= self._margins.beta * (1 - SLACK)
            calm = float(routed.detach()) <= SLACK * self._margins.beta
        (shift.parameter.grad,) = torch.autograd.grad(loss, [shift.parameter])
        # Behind the gradient, which may want the logits as they were.
        right = answers_of(batch, lead(logits.detach(), labels))[:edits] >= config.margin
        if heard is not None:
            right = right.to(heard.device) & heard
        course.mark(taken, right.tolist(), step)
        return loss.detach(), calm

    @torch.no_grad()
    def _look(self, sheet: Sheet, picks: Sequence[Pick], delta: Tensor) -> Iterator[tuple[int, bool, bool]]:
        # Of each pick the edit, whether all its answer tokens are the argmax, and whether they lead by the margin.
        for some, batch in sheet.batches(picks):
            logits = self._base.shortcut.logits(batch.ids, batch.hidden, change_of(batch.prompts, delta), batch.at)
            ahead = answers_of(batch, lead(logits, batch.labels.to(logits.device)))
            for (number, _), least in zip(some, ahead.tolist(), strict=True):
                yield number, least > 0, least >= self._config.margin

    @torch.no_grad()
    def _examine(self, course: _Course, delta: Tensor, step: int) -> bool:
        # Whether something is wrong all the same: a view that wasn't asked lately, or an earlier edit that was lost.
        weak = {
            number
            for number, _, firm in self._look(course.fresh, course.sample(), delta)
            if not firm and not course.agenda.given_up(number)
        }
        forgotten = {
            number
            for number, said, _ in self._look(course.known, course.known.bare, delta)
            if not said and number not in course.lost and not course.rehearsal.given_up(number)
        }
        course.agenda.press(weak, step)
        course.rehearsal.press(forgotten, step)
        return bool(weak or forgotten)


class _Course:
    """What a lesson's steps are taken from.

    Attributes:
        fresh: the lesson's edits.
        known: earlier ones.
        agenda, rehearsal: when each of them is due.
        quiet: what must not wake the shard.
        lost: earlier edits that were not said when the lesson began.
    """

    def __init__(
        self,
        base: PreparedModel,
        config: WiseConfig,
        lesson: Sequence[StreamItem],
        earlier: Sequence[Edit],
        rows: Rows,
        chooser: Random,
    ) -> None:
        self._chooser = chooser
        contexts = base.pool.contexts[: config.contexts]
        seats = min(config.rehearsal, len(earlier), config.batch - 1)

        def view(edit: Edit, contexts: Sequence[str], variations: int) -> tuple[tuple[str, ...], str]:
            found = views(edit, contexts, variations, Random(chooser.random()))
            more = edit.rephrases if config.train_rephrases else ()
            return tuple(dict.fromkeys((*found, *more))), edit.target

        # An earlier edit is repeated bare and in one other way.
        one = [chooser.sample(contexts, min(1, len(contexts))) for _ in earlier]
        self.fresh = Sheet(base, [view(item.edit, contexts, config.variations) for item in lesson], end=config.end)
        self.known = Sheet(base, [view(edit, some, 0) for edit, some in zip(earlier, one, strict=True)], end=config.end)
        self.agenda = Agenda(len(lesson), config.batch - seats, chooser)
        self.rehearsal = Agenda(len(earlier), seats, chooser, known=True)
        self._room = config.batch - seats
        self.quiet = Quiet(rows, lesson, config, chooser)
        self.lost: set[int] = set()

    def next(self) -> _Step:
        """The next step's edits: those that are due, in as many views as there is room for."""
        numbers = self.agenda.next()
        each = self._room // len(numbers)
        known = [(number, self._view(self.known, number)) for number in self.rehearsal.next()]
        fresh: list[Pick] = []
        for number in numbers:
            others = range(1, self.fresh.views(number))
            if each == 1:
                fresh.append((number, self._view(self.fresh, number)))
            else:
                fresh += [(number, view) for view in (0, *self._chooser.sample(others, min(each - 1, len(others))))]
        fresh, known = list(self.fresh.fitting(fresh)), list(self.known.fitting(known))
        return _Step(fresh, known, collate([*self.fresh.rows(fresh), *self.known.rows(known)]))

    def rows(self, step: _Step) -> list[Row]:
        """The rows of a step's edits."""
        return [*self.fresh.rows(step.fresh), *self.known.rows(step.known)]

    def mark(self, step: _Step, right: Sequence[bool], now: int) -> None:
        """Take in which rows of a step were right, in their order."""
        cut = len(step.fresh)
        for agenda, picks, marks in ((self.agenda, step.fresh, right[:cut]), (self.rehearsal, step.known, right[cut:])):
            seen: dict[int, bool] = {}
            for (number, _), good in zip(picks, marks, strict=True):
                seen[number] = seen.get(number, True) and good
            for number, good in seen.items():
                agenda.mark(number, now, right=good)

    def features(self) -> Tensor:
        """A(x) of the edits' tokens, bare and behind one other view, and of the earlier ones', ``(N, d_ff)``."""
        picks = self.sample()
        return torch.cat([*self.fresh.features(picks), *self.known.features(self.known.bare)])

    def sample(self) -> list[Pick]:
        """Each edit of the lesson bare, and behind one other view."""
        more = [(number, self._other(self.fresh, number)) for number in range(len(self.fresh))]
        return [*self.fresh.bare, *(pick for pick in more if pick[1])]

    def _view(self, sheet: Sheet, number: int) -> int:
        return 0 if self._chooser.random() < 0.5 else self._other(sheet, number)

    def _other(self, sheet: Sheet, number: int) -> int:
        return self._chooser.randrange(1, sheet.views(number)) if sheet.views(number) > 1 else 0


def _rehearsed(earlier: Sequence[Edit], fresh: int, chooser: Random) -> Sequence[Edit]:
    # Enough of a small lesson's earlier edits to tell what it does to the others: a stream that arrives one by one
    # must not pay for the whole shard with each edit. Now and then all of them, to repair what was lost unseen.
    if (len(earlier) + fresh) // _WHOLE > len(earlier) // _WHOLE:
        return earlier
    chosen = chooser.sample(range(len(earlier)), min(len(earlier), max(_REHEARSED, 2 * fresh)))
    return [earlier[number] for number in sorted(chosen)]


def _levels(prompts: Prompts | None, delta: Tensor) -> Tensor:
    # Δ_act of each prompt.
    return delta.new_zeros(0) if prompts is None else activation(change_of(prompts, delta), prompts.prompt)
