"""FT-EWC as an editor: −log P(o* | p) + λ/2 · Σ F (ΔW − ΔW*)², edit by edit (Kirkpatrick et al. 2017, eq. 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from torch import Tensor

from wisedb.editors.common.fine_tuning import Fitted, Schedule, fit, output_unit
from wisedb.editors.common.fine_tuning_editor import FineTuningEditor
from wisedb.editors.common.frozen import Frozen, Text
from wisedb.editors.ft_ewc.fisher import fisher
from wisedb.editors.ft_ewc.settings import FtEwcSettings


@dataclass(frozen=True, slots=True)
class FtEwc(FineTuningEditor[FtEwcSettings]):
    """Each edit some steps of Adam, one after the other; what earlier edits are sensitive to is held in its place."""

    settings: ClassVar[type] = FtEwcSettings
    depth: ClassVar[float] = 21 / 32
    looks_back: ClassVar[bool] = True

    name: str = "ft_ewc"
    good_at: str = "Keeping some more of the earlier edits than plain fine-tuning does, one after the other."
    bad_at: str = "Prompts without an edit: the Fisher information of earlier edits says nothing of them."

    def write(
        self,
        frozen: Frozen,
        settings: FtEwcSettings,
        delta: Tensor,
        earlier: Sequence[Text],
        new: Sequence[Text],
        chooser: Random,
    ) -> Fitted:
        """Steps on one edit alone, with F of the earlier ones at ΔW as they left it, ΔW*; nothing is drawn."""
        rate = settings.learning_rate * output_unit(frozen.weight)
        schedule = Schedule(settings.steps, len(new), rate, settings.enough)
        counted = earlier[-settings.fisher_edits :] if settings.fisher_edits else earlier
        if not counted or not settings.consolidation:
            return fit(frozen, new, delta, schedule)
        weights = settings.consolidation * delta.numel() / 2 * fisher(frozen, counted, delta)

        def penalty(moved: Tensor) -> Tensor:
            return (weights * (moved - delta).square()).sum()

        return fit(frozen, new, delta, schedule, penalty=penalty)


EDITOR = FtEwc()
