"""A shard's training: a fold over its stream, one lesson after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.batches import collate_prompts
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.dataset import Sheet
from wisedb.editors.keyed.optimiser import Outcome, change_of
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.trainer import LessonWriter, Report
from wisedb.editors.keyed.write import Writer
from wisedb.editors.streams import StreamItem, batches, effective
from wisedb.errors import TrainingFailed
from wisedb.memory.gates.activation import activation
from wisedb.model.tokens import joined
from wisedb.progress import Listener, Progress


@dataclass(frozen=True, slots=True)
class TrainedValues:
    """What training gives.

    Attributes:
        values: ΔW at the entries of the mask, row-major, ``(entries,)``, in the dtype that is stored, on the CPU.
        threshold: ε, in units of Δ_act; 0 where keys alone route.
        statistics: what was measured on the way, JSON values only.
    """

    values: Tensor
    threshold: float
    statistics: Mapping[str, Any] = field(default_factory=dict)


def train_stream(
    base: PreparedModel,
    config: KeyedSettings,
    seed: int,
    mask: Tensor,
    start: tuple[Tensor, int] | None,
    items: Sequence[StreamItem],
    progress: Listener | None = None,
) -> TrainedValues:
    """Write a stream of edits into one shard.

    The result is a pure function of (base, mask, config, seed, lessons of the effective stream) on one machine, bit for
    bit, wherever it starts: after each lesson ΔW is rounded to the stored dtype, the optimiser is fresh for each, and
    every random choice comes from the seed and the ids of the lesson's edits. With ``lesson_size`` 1 each edit is
    written by itself, whatever lesson it came in.

    Args:
        base: the prepared base model.
        config: how.
        seed: see above.
        mask: ``(d_ff, d_model)``, bool.
        start: values ``(entries,)`` as an earlier call returned them, and how many items of the EFFECTIVE stream they
            hold; ``None`` to start from ΔW = 0.
        items: the whole stream; items that a later one shadows are left out.
        progress: told after each edit that is written by itself, and within a lesson.

    Raises:
        TrainingFailed: a value is no longer a number, a prompt is longer than the model reads, or ``start`` doesn't fit
            the mask or the stream: it must end where a lesson does.
    """
    stream = effective(items)
    values, done = _start(start, mask, len(stream), base)
    alone = config.lesson_size == 1
    subspace = Subspace(mask, base.device)
    writer = Writer(base, config, seed, mask)
    together = LessonWriter(base, config, seed, subspace, writer.rows)
    teller = _Teller(progress, len(stream) - done)
    outcomes: dict[str, Outcome] = {}
    position = 0
    for lesson in [(item,) for item in stream] if alone else batches(stream):
        first, position = position, position + len(lesson)
        if position <= done:
            continue
        if first < done:
            raise _unfit(f"{done} edits end within a lesson")
        earlier = [item.edit for item in stream[:first]]
        if alone:
            trained, outcome = writer.write(values.float(), lesson[0], earlier)
            found = [outcome]
        else:
            trained, found = together.write(values.float(), lesson, earlier, teller.within(first - done, len(lesson)))
        values = trained.to(base.stored_dtype)
        outcomes.update({item.edit.id: outcome for item, outcome in zip(lesson, found, strict=True)})
        teller.tell(position - done, found[-1].loss)
    threshold, statistics = _threshold(base, config, subspace.delta(values.float()), stream, writer)
    statistics["outcomes"] = {
        edit: {"steps": outcome.steps, "learned": outcome.learned} for edit, outcome in outcomes.items()
    }
    return TrainedValues(values.cpu(), threshold, statistics)


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


def _start(start: tuple[Tensor, int] | None, mask: Tensor, length: int, base: PreparedModel) -> tuple[Tensor, int]:
    entries = int(mask.sum())
    if start is None:
        return torch.zeros(entries, dtype=base.stored_dtype, device=base.device), 0
    values, done = start
    if values.shape != (entries,) or not 0 <= done <= length:
        raise _unfit(
            f"{tuple(values.shape)} values and {done} edits under a mask of {entries} entries with a stream of {length}"
        )
    return values.to(base.device, base.stored_dtype), done


def _unfit(why: str) -> TrainingFailed:
    return TrainingFailed(f"an earlier state of the memory can't be continued: {why}", hint="Run `wisedb fsck`.")


@torch.no_grad()
def _threshold(
    base: PreparedModel, config: KeyedSettings, delta: Tensor, stream: Sequence[StreamItem], writer: Writer
) -> tuple[float, dict[str, Any]]:
    # ε: the smallest activation of the shard's own edits times a ratio (the paper's rule), or a rule of our own. Where
    # keys alone route, nobody asks for it.
    if not config.hinged:
        return 0.0, {}
    rule = config.threshold_rule
    contexts = base.pool.contexts[: config.contexts] if rule != "own" else ()
    prompts = [(item.edit.prompt, *(joined(context, item.edit.prompt) for context in contexts)) for item in stream]
    sheet = Sheet(base, [(views, item.edit.target) for views, item in zip(prompts, stream, strict=True)], end=False)
    own, behind = delta.new_zeros(0), delta.new_zeros(0)
    for picks, batch in sheet.batches(
        [(edit, view) for edit in range(len(sheet)) for view in range(sheet.views(edit))]
    ):
        levels = activation(change_of(batch.prompts, delta), batch.prompts.prompt)
        bare = torch.tensor([view == 0 for _, view in picks], device=levels.device)
        own, behind = torch.cat([own, levels[bare]]), torch.cat([behind, levels])
    statistics: dict[str, Any] = {"own": _summary(own)}
    lowest = float(behind.amin()) if len(behind) else 0.0
    pool = writer.activations(collate_prompts(writer.rows.pool()), delta)
    statistics["pool"] = _summary(pool)
    loudest = min(float(pool.quantile(0.99)), lowest) if len(pool) else 0.0
    rules = {
        "own": float(own.amin()) if len(own) else 0.0,
        "contexts": lowest,
        "pool": loudest,
        "middle": (lowest + loudest) / 2,
    }
    return rules[rule] * config.threshold_ratio, statistics


def _summary(activations: Tensor) -> Mapping[str, float]:
    if not len(activations):
        return {}
    points = {"min": 0.0, "q10": 0.1, "median": 0.5, "q90": 0.9, "q99": 0.99, "max": 1.0}
    levels = activations.quantile(torch.tensor(list(points.values()), device=activations.device))
    found = dict(zip(points, (round(level, 6) for level in levels.tolist()), strict=True))
    return {"mean": round(float(activations.mean()), 6), **found}
