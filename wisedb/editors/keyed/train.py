"""A shard's training: a fold over its stream, one edit batch after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.trainer import BatchTrainer, Outcome, Report
from wisedb.editors.streams import StreamItem, batches, effective
from wisedb.errors import TrainingFailed
from wisedb.progress import Listener, Progress


@dataclass(frozen=True, slots=True)
class TrainedValues:
    """What training gives.

    Attributes:
        values: ΔW at the entries of the mask, row-major, ``(entries,)``, in the dtype that is stored, on the CPU.
        outcomes: how each edit that this call wrote went in, by its id.
    """

    values: Tensor
    outcomes: Mapping[str, Outcome]


def train_stream(
    context: TrainingContext,
    settings: KeyedSettings,
    seed: int,
    mask: Tensor,
    start: tuple[Tensor, int] | None,
    items: Sequence[StreamItem],
    progress: Listener | None = None,
) -> TrainedValues:
    """Write a stream of edits into one shard.

    The result is a pure function of (base model, mask, settings, seed, batches of the effective stream) on one machine,
    bit for bit, wherever it starts: after each batch ΔW is rounded to the stored dtype, the optimiser begins afresh,
    and every random choice comes from the seed and the ids of the batch's edits.

    Args:
        context: the base model made ready.
        settings: how.
        seed: see above.
        mask: ``(d_ff, d_model)``, bool.
        start: values ``(entries,)`` as an earlier call returned them, and how many items of the EFFECTIVE stream they
            hold; ``None`` to start from ΔW = 0.
        items: the whole stream; items that a later one shadows are left out.
        progress: told after each batch, and within one.

    Raises:
        TrainingFailed: a value is no longer a number, a prompt is longer than the model reads, or ``start`` doesn't fit
            the mask or the stream: it must end where a batch does.
    """
    stream = effective(items)
    values, done = _start(start, mask, len(stream), context)
    trainer = BatchTrainer(context, settings, seed, Subspace(mask, context.device))
    teller = _Teller(progress, len(stream) - done)
    outcomes: dict[str, Outcome] = {}
    position = 0
    for batch in batches(stream):
        first, position = position, position + len(batch)
        if position <= done:
            continue
        if first < done:
            raise _unfit(f"{done} edits end within a batch")
        earlier = [item.edit for item in stream[:first]]
        edits = [item.edit for item in batch]
        trained, found = trainer.train(values.float(), edits, earlier, teller.within(first - done, len(batch)))
        values = trained.to(context.stored_dtype)
        outcomes.update({edit.id: outcome for edit, outcome in zip(edits, found, strict=True)})
        teller.tell(position - done, found[-1].loss)
    return TrainedValues(values.cpu(), outcomes)


class _Teller:
    """Reports that never go backwards."""

    def __init__(self, listener: Listener | None, total: int) -> None:
        self._listener, self._total, self._last = listener, total, 0

    def tell(self, done: int, loss: float | None) -> None:
        if self._listener is not None and done >= self._last:
            self._last = done
            self._listener(Progress("training", done, self._total, loss))

    def within(self, before: int, edits: int) -> Report | None:
        if self._listener is None:
            return None
        return lambda share, loss: self.tell(before + min(int(share * edits), edits - 1), loss)


def _start(start: tuple[Tensor, int] | None, mask: Tensor, length: int, context: TrainingContext) -> tuple[Tensor, int]:
    entries = int(mask.sum())
    if start is None:
        return torch.zeros(entries, dtype=context.stored_dtype, device=context.device), 0
    values, done = start
    if values.shape != (entries,) or not 0 <= done <= length:
        raise _unfit(
            f"{tuple(values.shape)} values and {done} edits under a mask of {entries} entries with a stream of {length}"
        )
    return values.to(context.device, context.stored_dtype), done


def _unfit(why: str) -> TrainingFailed:
    return TrainingFailed(f"an earlier state of the memory can't be continued: {why}", hint="Run `wisedb fsck`.")
