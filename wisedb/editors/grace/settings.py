"""What can be set about GRACE."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import not_negative, positive


@dataclass(frozen=True, slots=True)
class GraceSettings:
    """How one edit becomes an entry of the codebook.

    Attributes:
        target: the module that is wrapped, by its path in the model; empty before the model is known.
        steps: gradient steps towards the value, at most (paper: 100).
        learning_rate: of Adam, in units of the root mean square of the residual stream: models differ in scale by far.
        enough: the loss of the answer's worst token, in nats, from which on no further step is taken; below 0.69 each
            token is more likely than all others together.
        radius: ε_init, in units of the keys; 0 before the model is known, where half of the median distance from an
            unrelated prompt's key to the nearest other one is taken.
        end: whether the answer's end is learned too, so that generation stops by itself.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    steps: int = 100
    learning_rate: float = 0.1
    enough: float = 0.25
    radius: float = 0.0
    end: bool = True

    def __post_init__(self) -> None:
        positive(self, "steps", "learning_rate")
        not_negative(self, "enough", "radius")
