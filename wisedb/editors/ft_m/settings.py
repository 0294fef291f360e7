"""What can be set about FT-M."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import GATES, not_negative, one_of, positive


@dataclass(frozen=True, slots=True)
class FtMSettings:
    """How a commit's edits are written.

    Attributes:
        target: the matrix that is fine-tuned, by its path in the model; empty before the model is known.
        gate: ``always``, as in the paper, or ``keys``: only where a prompt means one of the edits.
        steps: how often a commit sees each of its edits, at most (EasyEdit: 25).
        minibatch: edits in a step.
        learning_rate: of Adam, in units of rms(W) / √d_ff.
        enough: the loss from which on no further step is taken, in nats (EasyEdit: 0.01).
        end: whether the answer's end is learned too.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    gate: str = "always"
    steps: int = 25
    minibatch: int = 16
    learning_rate: float = 3.0
    enough: float = 0.01
    end: bool = True

    def __post_init__(self) -> None:
        positive(self, "steps", "minibatch", "learning_rate")
        not_negative(self, "enough")
        one_of("gate", self.gate, GATES)
