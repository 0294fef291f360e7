"""What can be set about FT-L."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import GATES, not_negative, one_of, positive


@dataclass(frozen=True, slots=True)
class FtLSettings:
    """How one edit is written.

    Attributes:
        target: the matrix that is fine-tuned, by its path in the model; empty before the model is known.
        gate: ``always``, as in the paper, or ``keys``: only where a prompt means one of the edits.
        steps: gradient steps an edit, at most (Meng et al.: 25).
        learning_rate: of Adam, in units of rms(W) / √d_ff.
        max_delta: ε of ‖ΔW‖∞ ≤ ε, in the same unit.
        enough: the loss from which on no further step is taken, in nats (Meng et al.: 0.01).
        end: whether the answer's end is learned too.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    gate: str = "always"
    steps: int = 25
    learning_rate: float = 3.0
    max_delta: float = 32.0
    enough: float = 0.01
    end: bool = False

    def __post_init__(self) -> None:
        positive(self, "steps", "learning_rate", "max_delta")
        not_negative(self, "enough")
        one_of("gate", self.gate, GATES)
