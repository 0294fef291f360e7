"""What can be set about AlphaEdit."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.layered_settings import LayeredSettings
from wisedb.editors.common.settings import positive


@dataclass(frozen=True, slots=True)
class AlphaEditSettings(LayeredSettings):
    """How a batch of facts is written.

    Attributes:
        threshold: below which share of their mean an eigenvalue of K₀K₀ᵀ counts as zero (paper: below 0.02 in units of
            LLaMA-3-8B's keys).
        ridge: λ, in units of E‖k‖², the mean squared length of a key (paper: 1, and 10 in its public code, in units of
            the model's keys).

    Raises:
        UnknownSetting: a value out of its range.
    """

    threshold: float = 0.02
    ridge: float = 0.001

    def __post_init__(self) -> None:
        # Without super(): a dataclass with slots is another class than the one in which this was written.
        LayeredSettings.__post_init__(self)
        positive(self, "threshold")
        positive(self, "ridge")
