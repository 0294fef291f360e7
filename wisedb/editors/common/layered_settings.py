"""What can be set about the editors that spread a fact over several layers, MEMIT and AlphaEdit."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import GATES, not_negative, one_of, positive

DEPTH = 0.34
"""How deep the last edited layer lies: between 8 of 28 (GPT-J), 8 of 32 (LLaMA-3-8B) and 17 of 48 (GPT-2 XL)."""

SHARE = 0.13
"""How many layers are edited: between 6 of 28, 5 of 32 and 5 of 48."""

LEAST = 3
"""Fewer are edited only where there are fewer up to the last one: each of them has only part of the way to go."""


@dataclass(frozen=True, slots=True)
class LayeredSettings:
    """How a batch of facts is written over several layers.

    Attributes:
        target: the matrix in the last of the edited layers, L, by its path in the model; empty before the model is
            known.
        layers: how many layers are edited, those before L down to L − layers + 1; 0 before the model is known.
        gate: ``always``, as in the paper, or ``keys``: only where a prompt means one of the edits.
        mass: whether the edits of one commit are written at once; else one after the other.
        steps: gradient steps towards z, at most.
        learning_rate: of Adam, in units of the root mean square of the residual stream h at the subject's last token.
        kl_factor: weighs how far what the model says of the subject may move (paper: 0.0625).
        weight_decay: of (‖z − h‖ / ‖h‖)² (paper: 0.5 of ‖z − h‖ / ‖h‖²).
        clamp: the largest ‖z − h‖ / ‖h‖ (paper: 0.75).
        enough: the loss from which on no further step is taken (paper: 0.05).
        contexts: prefixes behind which an edit is written too, at most (paper: 5).
        end: whether the answer's end is written too.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    layers: int = 0
    gate: str = "always"
    mass: bool = True
    steps: int = 25
    learning_rate: float = 0.3
    kl_factor: float = 0.0625
    weight_decay: float = 0.0
    clamp: float = 1.0
    enough: float = 0.05
    contexts: int = 2
    end: bool = False

    def __post_init__(self) -> None:
        positive(self, "steps", "learning_rate", "clamp")
        not_negative(self, "layers", "kl_factor", "weight_decay", "enough", "contexts")
        one_of("gate", self.gate, GATES)


def default_layer(layers: int) -> int:
    """L where nothing is said: the floor of :data:`DEPTH` · layers, and the second layer where there are two.

    Layer 16 of 48, 10 of 32, 9 of 28 and 2 of 6.
    """
    return min(max(1, int(DEPTH * layers)), layers - 1)


def default_count(layers: int, last: int) -> int:
    """How many layers are edited where nothing is said: :data:`SHARE` of them, :data:`LEAST` where that many are there.

    Args:
        layers: of the model.
        last: L, from 0; there are no more layers than L + 1 to take.
    """
    return min(max(LEAST, round(SHARE * layers)), last + 1)
