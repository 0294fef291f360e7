"""One shard in the place of several: a last lesson over all their edits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.batches import Rows
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.dataset import Sheet
from wisedb.editors.keyed.optimiser import change_of
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.trainer import LessonWriter
from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit
from wisedb.memory.gates.activation import activation
from wisedb.progress import Listener, Progress


def fit_merge(
    base: PreparedModel,
    config: KeyedSettings,
    seed: int,
    mask: Tensor,
    values: Tensor,
    edits: Sequence[Edit],
    progress: Listener | None = None,
) -> Tensor:
    """Fit a merge until it says all edits.

    Args:
        base: the prepared base model.
        config: how.
        seed: every random choice comes from it and from the edits' ids.
        mask: ``(d_ff, d_model)``, bool: the union of the shards' masks.
        values: ΔW there as TIES merged it, ``(entries,)``.
        edits: all that are in force.
        progress: told now and then.

    Returns:
        ``(entries,)`` in the stored dtype, on the CPU.

    Raises:
        TrainingFailed: a value is no longer a number.
    """

    def report(share: float, loss: float | None) -> None:
        if progress is not None:
            progress(Progress("merging", min(int(share * len(edits)), len(edits)), len(edits), loss))

    writer = LessonWriter(base, config, seed, Subspace(mask, base.device), Rows(base, config), crowded=True)
    lesson = [StreamItem(edit) for edit in edits]
    start = values.to(base.device).float().clamp(-config.max_delta, config.max_delta)
    fitted, _ = writer.write(start, lesson, (), report)
    return fitted.to(base.stored_dtype).cpu()


@torch.no_grad()
def merged_threshold(base: PreparedModel, config: KeyedSettings, delta: Tensor, edits: Sequence[Edit]) -> float:
    """ε of a merge, found as a shard's is: the smallest Δ_act of all edits, times a ratio (WISE §2.3.1).

    Args:
        base: the prepared base model.
        config: how the shards were trained.
        delta: ΔW of the merge, ``(d_ff, d_model)``.
        edits: all that are in force.
    """
    sheet = Sheet(base, [((edit.prompt,), edit.target) for edit in edits], end=False)
    matrix = delta.to(base.device).float()
    levels = [
        activation(change_of(batch.prompts, matrix), batch.prompts.prompt).amin()
        for _, batch in sheet.batches([(edit, 0) for edit in range(len(sheet))])
    ]
    return float(torch.stack(levels).amin()) * config.threshold_ratio if levels else 0.0
