"""One shard in the place of several, fitted to all their edits."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.trainer import BatchTrainer
from wisedb.edits import Edit
from wisedb.progress import Listener, Progress


def fit_merge(
    context: TrainingContext,
    settings: KeyedSettings,
    seed: int,
    mask: Tensor,
    values: Tensor,
    edits: Sequence[Edit],
    progress: Listener | None = None,
) -> Tensor:
    """Fit a merge until it answers all edits.

    Args:
        context: the base model made ready.
        settings: how.
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

    trainer = BatchTrainer(context, settings, seed, Subspace(mask, context.device), merging=True)
    start = values.to(context.device).float().clamp(-settings.max_delta, settings.max_delta)
    fitted, _ = trainer.train(start, edits, (), report)
    return fitted.to(context.stored_dtype).cpu()
