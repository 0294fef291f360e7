"""What can be set about MEMOIR."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import not_negative
from wisedb.errors import UnknownSetting


@dataclass(frozen=True, slots=True)
class MemoirSettings:
    """How one edit is written into the residual memory.

    Attributes:
        target: the matrix beside which the memory stands, by its path in the model; empty before the model is known.
        active: k as a share of the matrix's input width: how many of its rows an edit reads and writes (the source:
            4096 of 14336).
        threshold: τ, the share of an edit's mask that a prompt's own must have for the edit to answer.
        steps: gradient steps for an edit, at most (the source: 30).
        learning_rate: of plain gradient descent, in units of the weight; the gradient's norm is clipped to 1. 0 before
            the model is known, where it is measured.
        enough: the loss, in nats a token, from which on no further step is taken.
        contexts: prefixes behind which an edit is trained too, as the model itself wrote them (the source: 10).
        end: whether the answer's end is learned too, so that generation stops by itself.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    active: float = 0.29
    threshold: float = 0.4
    steps: int = 30
    learning_rate: float = 0.0
    enough: float = 0.02
    contexts: int = 10
    end: bool = True

    def __post_init__(self) -> None:
        for name in ("active", "threshold"):
            if not 0 < getattr(self, name) <= 1:
                raise UnknownSetting(f"{name} must lie in (0, 1]", hint=f"Give a share, such as {name}=0.3.")
        if self.steps < 1:
            raise UnknownSetting(f"steps is {self.steps}", hint="Give 1 or more.")
        not_negative(self, "learning_rate", "enough", "contexts")
