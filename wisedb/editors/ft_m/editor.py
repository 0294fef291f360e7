"""FT-M as an editor: cross entropy on the targets alone, in minibatches over a commit's edits (Zhang et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from torch import Tensor

from wisedb.editors.common.fine_tuning import Fitted, Schedule, fit, output_unit
from wisedb.editors.common.fine_tuning_editor import FineTuningEditor
from wisedb.editors.common.frozen import Frozen, Text
from wisedb.editors.ft_m.settings import FtMSettings


@dataclass(frozen=True, slots=True)
class FtM(FineTuningEditor[FtMSettings]):
    """A commit's edits in epochs of minibatches; what earlier commits wrote is not looked at again."""

    settings: ClassVar[type] = FtMSettings
    depth: ClassVar[float] = 21 / 32

    name: str = "ft_m"
    good_at: str = "A commit of many edits learned word for word, in little time."
    bad_at: str = "All other prompts, which it changes too, and the edits of earlier commits, which it forgets."

    def together(self, settings: FtMSettings) -> bool:
        """Always."""
        return True

    def write(
        self,
        frozen: Frozen,
        settings: FtMSettings,
        delta: Tensor,
        earlier: Sequence[Text],
        new: Sequence[Text],
        chooser: Random,
    ) -> Fitted:
        """Epochs over the commit's edits, in their order; nothing is drawn."""
        rate = settings.learning_rate * output_unit(frozen.weight)
        return fit(frozen, new, delta, Schedule(settings.steps, settings.minibatch, rate, settings.enough))


EDITOR = FtM()
