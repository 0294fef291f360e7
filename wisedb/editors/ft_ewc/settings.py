"""What can be set about FT-EWC."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import GATES, not_negative, one_of, positive


@dataclass(frozen=True, slots=True)
class FtEwcSettings:
    """How one edit is written.

    Attributes:
        target: the matrix that is fine-tuned, by its path in the model; empty before the model is known.
        gate: ``always``, as in the papers, or ``keys``: only where a prompt means one of the edits.
        steps: gradient steps an edit, at most.
        learning_rate: of Adam, in units of rms(W) / √d_ff.
        consolidation: λ of λ/2 · Σ F (ΔW − ΔW*)², in units of the entries of ΔW; 0 is fine-tuning without it.
        fisher_edits: of how many earlier edits F is made, the latest ones; 0 takes all.
        enough: the loss from which on no further step is taken, in nats.
        end: whether the answer's end is learned too.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    gate: str = "always"
    steps: int = 25
    learning_rate: float = 0.3
    consolidation: float = 0.1
    fisher_edits: int = 0
    enough: float = 0.01
    end: bool = False

    def __post_init__(self) -> None:
        positive(self, "steps", "learning_rate")
        not_negative(self, "consolidation", "fisher_edits", "enough")
        one_of("gate", self.gate, GATES)
