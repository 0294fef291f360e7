"""LocFT-BF as an editor: breadth-first epochs over all edits, at one well-chosen location (Yang et al. 2026)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from torch import Tensor

from wisedb.editors.common.fine_tuning import Fitted, Schedule, fit, output_unit
from wisedb.editors.common.fine_tuning_editor import FineTuningEditor
from wisedb.editors.common.frozen import Frozen, Text
from wisedb.editors.locft_bf.settings import LocFtBfSettings


@dataclass(frozen=True, slots=True)
class LocFtBf(FineTuningEditor[LocFtBfSettings]):
    """Shuffled minibatches over everything that the memory holds, the edits of earlier commits among them."""

    settings: ClassVar[type] = LocFtBfSettings
    depth: ClassVar[float] = 0.6
    looks_back: ClassVar[bool] = True

    name: str = "locft_bf"
    good_at: str = "Many edits in one plain matrix, early ones as well as late ones."
    bad_at: str = (
        "Prompts without an edit, which change too; a small commit into a large memory, which learns all again."
    )

    def together(self, settings: LocFtBfSettings) -> bool:
        """Always."""
        return True

    def write(
        self,
        frozen: Frozen,
        settings: LocFtBfSettings,
        delta: Tensor,
        earlier: Sequence[Text],
        new: Sequence[Text],
        chooser: Random,
    ) -> Fitted:
        """Epochs over the earlier edits and the new ones alike, in an order drawn anew for each."""
        rate = settings.learning_rate * output_unit(frozen.weight)
        schedule = Schedule(settings.steps, settings.minibatch, rate, settings.enough)
        return fit(frozen, [*earlier, *new], delta, schedule, chooser=chooser)


EDITOR = LocFtBf()
