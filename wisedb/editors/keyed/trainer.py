"""A lesson: several edits fitted into one shard together, while the shard's earlier edits are rehearsed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.batches import Prompts, Rows, collate
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.dataset import Pick, Sheet, answers_of
from wisedb.editors.keyed.losses import Margins, answer_loss, lead, memo_loss, routing_loss
from wisedb.editors.keyed.optimiser import SLACK, Outcome, change_of, damp, finite, optimise
from wisedb.editors.keyed.preconditioner import Change
from wisedb.editors.keyed.sampler import Course, Step, rehearsed, repairs
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.sharding import seed_of
from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit
from wisedb.memory.gates.activation import activation

# A lesson of which more than this share isn't said after its steps gets them again, unless the last time said no more.
_UNSAID = 0.1
# A lesson of so few edits takes damped steps (see :func:`wisedb.editors.keyed.optimiser.damp`).
_FEW = 4
# Steps between an examination that found something and the next one.
_WAIT = 4
# Steps between two reports.
_REPORT = 10

Report = Callable[[float, float | None], None]
"""Told the share of the lesson that is done, and the last step's loss."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What was found of one edit.

    Attributes:
        edit: its number.
        said: all its answer tokens are the argmax.
        firm: and lead by the margin.
    """

    edit: int
    said: bool
    firm: bool


class LessonWriter:
    """Fits lessons into ΔW under one mask.

    Args:
        base: the prepared base model.
        config: how.
        seed: every random choice comes from it and from the ids of the lesson's edits.
        subspace: the shard's entries.
        rows: the pool's rows.
        crowded: whether the shard is to hold what several held, see :class:`Course`.
    """

    def __init__(
        self,
        base: PreparedModel,
        config: KeyedSettings,
        seed: int,
        subspace: Subspace,
        rows: Rows,
        *,
        crowded: bool = False,
    ) -> None:
        self._base = base
        self._config = config
        self._seed = seed
        self._subspace = subspace
        self._rows = rows
        self._crowded = crowded
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
        known = rehearsed(earlier, len(lesson), chooser) if config.rehearsal else ()
        repair = repairs(len(earlier), len(lesson))
        course = Course(self._base, config, lesson, known, self._rows, chooser, crowded=self._crowded)
        looked = self._look(course.known, course.known.bare, self._subspace.delta(values))
        course.lost = {look.edit for look in looked if not look.said}
        if repair:
            course.rehearsal.press(course.lost, 0)
            course.lost = set()
        features = course.features() if config.whiten else None
        change = Change(self._subspace, values, config.max_delta, features)
        steps, loss = 0, None
        looks: list[_Look] = []
        unsaid = len(lesson) + 1
        for _ in range(1 if course.long else config.attempts):
            taken, loss = self._attempt(course, change, report)
            steps += taken
            looks = list(self._look(course.fresh, course.fresh.bare, change.delta().detach()))
            before, unsaid = unsaid, sum(not look.said for look in looks)
            if unsaid <= _UNSAID * len(lesson) or unsaid >= before:
                break
        values = change.values().detach()
        finite(values, lesson[0].edit.prompt)
        outcomes = [Outcome(steps, loss, look.firm, look.said) for look in sorted(looks, key=lambda look: look.edit)]
        return values, outcomes

    def _attempt(self, course: Course, change: Change, report: Report | None) -> tuple[int, float | None]:
        # Takes the steps of one schedule, in place; how many, and the last one's loss.
        config = self._config
        total = max(config.steps, course.steps(config.passes))
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

    def _step(self, course: Course, taken: Step, shift: Change, step: int) -> tuple[Tensor, bool]:
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
    def _look(self, sheet: Sheet, picks: Sequence[Pick], delta: Tensor) -> Iterator[_Look]:
        for some, batch in sheet.batches(picks):
            logits = self._base.shortcut.logits(batch.ids, batch.hidden, change_of(batch.prompts, delta), batch.at)
            ahead = lead(logits, batch.labels.to(logits.device))
            for (number, _), least in zip(some, answers_of(batch, ahead).tolist(), strict=True):
                yield _Look(number, least > 0, least >= self._config.margin)

    @torch.no_grad()
    def _examine(self, course: Course, delta: Tensor, step: int) -> bool:
        # Whether something is wrong all the same: a view that wasn't asked lately, or an earlier edit that was lost.
        weak = {
            look.edit
            for look in self._look(course.fresh, course.sample(), delta)
            if not look.firm and not course.agenda.given_up(look.edit)
        }
        course.agenda.press(weak, step)
        if weak:
            # The earlier ones are many, and what is still to be learned may undo more of them.
            return True
        forgotten = {
            look.edit
            for look in self._look(course.known, course.known.bare, delta)
            if not look.said and look.edit not in course.lost and not course.rehearsal.given_up(look.edit)
        }
        course.rehearsal.press(forgotten, step)
        return bool(forgotten)


def _levels(prompts: Prompts | None, delta: Tensor) -> Tensor:
    # Δ_act of each prompt.
    return delta.new_zeros(0) if prompts is None else activation(change_of(prompts, delta), prompts.prompt)
