"""FT-L as an editor: min −log P(o* | p) subject to ‖W' − W‖∞ ≤ ε, edit by edit (Zhu et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

import torch
from torch import Tensor

from wisedb.editors.common.fine_tuning import Fitted, Schedule, fit, output_unit
from wisedb.editors.common.fine_tuning_editor import FineTuningEditor
from wisedb.editors.common.frozen import Frozen, Text
from wisedb.editors.ft_l.settings import FtLSettings


@dataclass(frozen=True, slots=True)
class FtL(FineTuningEditor[FtLSettings]):
    """Each edit some steps of Adam, one after the other; no weight leaves the ball around the base model's."""

    settings: ClassVar[type] = FtLSettings
    depth: ClassVar[float] = 21 / 32

    name: str = "ft_l"
    good_at: str = "Nothing that the others don't do better: it is the baseline of the papers."
    bad_at: str = "More than a few edits: a tight bound writes them weakly, a wide one changes everything else."

    def write(
        self,
        frozen: Frozen,
        settings: FtLSettings,
        delta: Tensor,
        earlier: Sequence[Text],
        new: Sequence[Text],
        chooser: Random,
    ) -> Fitted:
        """Steps on one edit alone, each followed by the projection onto the ball; nothing is drawn."""
        unit = output_unit(frozen.weight)
        # As it is stored: what is rounded to that dtype afterwards stays within the bound.
        bound = float(torch.tensor(settings.max_delta * unit, dtype=frozen.stored_dtype))
        schedule = Schedule(settings.steps, len(new), settings.learning_rate * unit, settings.enough)
        return fit(frozen, new, delta, schedule, bound=bound)


EDITOR = FtL()
