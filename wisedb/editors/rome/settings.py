"""What can be set about ROME."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import GATES, not_negative, one_of, positive

DEPTH = 0.28
"""The default layer's depth: between layer 17 of 48 (GPT-2 XL) and 5 of 28 (GPT-J), where the paper edits."""


@dataclass(frozen=True, slots=True)
class RomeSettings:
    """How one edit is written.

    Attributes:
        target: the matrix that is edited, by its path in the model; empty before the model is known.
        gate: ``always``, as in the paper, or ``keys``: only where a prompt means one of the edits.
        steps: gradient steps towards v*, at most (paper: 20).
        learning_rate: of Adam, in units of the root mean square of the residual stream h at the subject's last token:
            models differ in scale by far.
        kl_factor: weighs how far what the model says of the subject may move (paper: 0.0625).
        weight_decay: of (‖v* − W·k*‖ / ‖h‖)².
        clamp: the largest ‖v* − W·k*‖ / ‖h‖. The paper bounds it by 4·‖W·k*‖; but how large an FFN's output is beside
            the stream to which it is added differs by a factor of ten between layers and models. MEMIT bounds it by
            0.75·‖h‖.
        enough: the loss from which on no further step is taken (paper: 0.05).
        contexts: prefixes behind which the edit is written too, at most.
        ridge: λ of C + λI, in units of the mean of C's diagonal; 0 lets the sample say it.
        end: whether the answer's end is written too.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    gate: str = "always"
    steps: int = 40
    learning_rate: float = 0.3
    kl_factor: float = 0.0625
    weight_decay: float = 0.0
    clamp: float = 1.0
    enough: float = 0.05
    contexts: int = 5
    ridge: float = 0.0
    end: bool = False

    def __post_init__(self) -> None:
        positive(self, "steps", "learning_rate", "clamp")
        not_negative(self, "kl_factor", "weight_decay", "enough", "contexts", "ridge")
        one_of("gate", self.gate, GATES)


def default_layer(layers: int) -> int:
    """The layer to edit where nothing is said: the floor of :data:`DEPTH` · layers.

    Layer 13 of 48, 8 of 32 and 6 of 24.
    """
    return int(DEPTH * layers)
