"""What can be set about MEMIT."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.layered_settings import LayeredSettings
from wisedb.editors.common.settings import not_negative, positive


@dataclass(frozen=True, slots=True)
class MemitSettings(LayeredSettings):
    """How a batch of facts is written.

    Attributes:
        covariance_weight: λ / d_ff, how much what the layers hold weighs beside the edits. A key as other text has them
            gets 1 / (1 + λ / d_ff) of its residual stored, if it is alone (paper: 3.1 for GPT-2 XL, 0.9 for GPT-J).
        ridge: what is added to C's diagonal, in units of its mean; 0 lets the sample say it.

    Raises:
        UnknownSetting: a value out of its range.
    """

    covariance_weight: float = 0.5
    ridge: float = 0.0

    def __post_init__(self) -> None:
        # Without super(): a dataclass with slots is another class than the one in which this was written.
        LayeredSettings.__post_init__(self)
        positive(self, "covariance_weight")
        not_negative(self, "ridge")
