"""One edit batch fitted into one shard, while the shard's earlier edits are rehearsed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from wisedb.editors.common.losses import answer_loss
from wisedb.editors.common.seeds import seed_of
from wisedb.editors.common.sequences import Minibatch
from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.dataset import EncodedDataset, Example
from wisedb.editors.keyed.losses import logit_margin
from wisedb.editors.keyed.preconditioner import PreconditionedDelta
from wisedb.editors.keyed.sampler import MinibatchSampler, TrainingSet, training_set
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed

# Steps between a check that found something and the next one. Set by hand: a check costs about as much as a step.
_WAIT = 4
# Steps between two reports.
_REPORT = 10

Report = Callable[[float, float | None], None]
"""Told the share of the steps that is done, and the last loss that was looked at."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an edit went in.

    Attributes:
        steps: optimiser steps taken, those of the whole batch.
        loss: the last loss that was looked at, in nats; ``None`` if no step was needed.
        learned: whether each token of its answer is the argmax, in a chat in each of its replies.
    """

    steps: int
    loss: float | None
    learned: bool


class BatchTrainer:
    """Fits edit batches into ΔW under one mask.

    Args:
        context: the base model made ready.
        settings: how.
        seed: every random choice comes from it and from the ids of the batch's edits.
        subspace: the shard's entries.
        merging: whether the shard is to hold what several held, see :func:`training_set`.
    """

    def __init__(
        self,
        context: TrainingContext,
        settings: KeyedSettings,
        seed: int,
        subspace: Subspace,
        *,
        merging: bool = False,
    ) -> None:
        self._context = context
        self._settings = settings
        self._seed = seed
        self._subspace = subspace
        self._merging = merging

    def train(
        self, values: Tensor, edits: Sequence[Edit], earlier: Sequence[Edit], report: Report | None = None
    ) -> tuple[Tensor, list[Outcome]]:
        """Train ``values`` until they answer all ``edits`` and still answer ``earlier``.

        Minibatches over the edits, each under its own prompt half of the time and else under another; those that are
        wrong come again soon, the others at growing intervals, until all are correct in a row and a check of further
        prompts agrees.

        Args:
            values: ΔW at the mask's entries, ``(entries,)``, float32.
            edits: the batch.
            earlier: the shard's edits so far, for rehearsal.
            report: told now and then.

        Returns:
            The new values, float32, and how each edit of the batch went in.

        Raises:
            TrainingFailed: a value is no longer a number, or a prompt is longer than the model reads.
        """
        settings, context = self._settings, self._context
        chooser = Random(seed_of(self._seed, "batch", *(edit.id for edit in edits)))
        data = training_set(context, settings, edits, earlier, chooser, merging=self._merging)
        sampler = MinibatchSampler(data, settings, chooser)
        delta = PreconditionedDelta(self._subspace, values, settings.max_delta, data.features(chooser))
        # What was wrong before isn't waited for.
        kept = {edit for edit, good in self._check(data.old, data.old.own, delta).items() if good}
        run = _Run(data, sampler, delta, kept, chooser)
        steps, loss = self._steps(run, report)
        correct = self._check(data.new, data.new.asked, delta)
        values = delta.values().detach()
        if not bool(torch.isfinite(values).all()):
            raise TrainingFailed(
                f"the loss of {edits[0].prompt!r} is not a number",
                hint="Lower learning_rate, or load the model in float32.",
            )
        return values, [Outcome(steps, loss, correct[number]) for number in range(len(edits))]

    def _steps(self, run: _Run, report: Report | None) -> tuple[int, float | None]:
        # Takes the steps, in place; how many, and the last loss that was looked at.
        total = run.sampler.steps(self._settings.steps)
        optimizer = torch.optim.Adam([run.delta.parameter], lr=self._settings.learning_rate)
        decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / total)
        loss: float | None = None
        wait = 0
        for step in range(total):
            if step >= wait and run.sampler.new.done():
                if self._all_correct(run, step):
                    return step, loss
                wait = step + _WAIT
            mean = self._step(run, step)
            optimizer.step()
            decay.step()
            if step % _REPORT == 0:
                loss = float(mean)
                if report is not None:
                    report(step / total, loss)
        return total, loss

    def _step(self, run: _Run, now: int) -> Tensor:
        # −log P(y_e | x_e), and what is correct; the gradient is left behind.
        step = run.sampler.next()
        matrix = run.delta.matrix()
        seen = [(minibatch, self._logits(minibatch, matrix)) for minibatch in step.minibatches]
        losses = [
            answer_loss(logits, minibatch.labels.to(logits.device), minibatch.weights.to(logits.device))
            for minibatch, logits in seen
        ]
        loss = torch.stack(losses).sum()
        (run.delta.parameter.grad,) = torch.autograd.grad(loss, [run.delta.parameter])
        # Behind the gradient, which may want the logits as they were.
        correct: dict[int, bool] = {}
        for minibatch, logits in seen:
            least = minibatch.least(logit_margin(logits.detach(), minibatch.labels.to(logits.device)))
            correct.update(zip(minibatch.rows, (least > 0).tolist(), strict=True))
        run.sampler.update(step, [correct[row] for row in range(len(correct))], now)
        return loss.detach()

    def _logits(self, minibatch: Minibatch, matrix: Tensor) -> Tensor:
        change = minibatch.features @ matrix.to(minibatch.features.dtype)
        return self._context.forward.logits(minibatch.ids, minibatch.hidden, change, minibatch.at, minibatch.states)

    @torch.no_grad()
    def _check(self, data: EncodedDataset, examples: Sequence[Example], delta: PreconditionedDelta) -> dict[int, bool]:
        # Of each edit among the examples, whether it is correct under all of its prompts there.
        found: dict[int, bool] = {}
        matrix = delta.matrix()
        for some, minibatch in data.minibatches(examples):
            logits = self._logits(minibatch, matrix)
            least = minibatch.least(logit_margin(logits, minibatch.labels.to(logits.device))).tolist()
            for (edit, _), margin in zip(some, least, strict=True):
                found[edit] = found.get(edit, True) and margin > 0
        return found

    def _all_correct(self, run: _Run, step: int) -> bool:
        # Whether nothing is wrong: a prompt that wasn't asked lately, or an earlier edit that was lost.
        new, old = run.sampler.new, run.sampler.old
        checked = self._check(run.data.new, run.data.sample(run.chooser), run.delta)
        weak = {edit for edit, good in checked.items() if not good and not new.abandoned(edit)}
        new.reset(weak, step)
        if weak:
            # The earlier ones are many, and what is still to be learned may undo more of them.
            return False
        checked = self._check(run.data.old, run.data.old.own, run.delta)
        lost = {edit for edit in run.kept if not checked[edit] and not old.abandoned(edit)}
        old.reset(lost, step)
        return not lost


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One batch while it is trained.

    Attributes:
        data: what is trained on.
        sampler: which of it comes next.
        delta: what is trained.
        kept: earlier edits that were correct when the training began.
        chooser: where every random choice comes from.
    """

    data: TrainingSet
    sampler: MinibatchSampler
    delta: PreconditionedDelta
    kept: set[int]
    chooser: Random
