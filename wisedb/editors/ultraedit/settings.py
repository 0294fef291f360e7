"""What can be set about UltraEdit."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import GATES, not_negative, one_of, positive

DEPTH = 0.95
"""How deep the last edited layer lies: 30 of 32 in Mistral-7B, 26 of 28 in GPT-J."""

LAYERS = 2
"""How many layers are edited where nothing is said."""


@dataclass(frozen=True, slots=True)
class UltraEditSettings:
    """How a batch of facts is written.

    Attributes:
        target: the matrix in the last of the edited layers, by its path in the model; empty before the model is known.
        layers: how many layers are edited, those before it included (paper: 2 for Mistral-7B, 9 for GPT-J); 0 before
            the model is known.
        gate: ``always``, as in the paper, or ``keys``: only where a prompt means one of the edits.
        mass: whether the edits of one commit are written at once; else one after the other.
        learning_rate: how far what a layer gives at an answer's token is to move, in units of the root mean square of
            the residual stream there, for a key and a gradient as far from the mean as they are on average.
        ridge: what is added to the diagonal of H Hᵀ, in units of the keys' mean squared length (paper: 1 in units of
            the model's keys).
        prior: unrelated prompts by which the running mean and variance begin (paper: 0); with few edits these are not
            known from the edits.
        end: whether the answer's end is written too.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    layers: int = 0
    gate: str = "always"
    mass: bool = True
    learning_rate: float = 0.5
    ridge: float = 0.1
    prior: int = 100
    end: bool = False

    def __post_init__(self) -> None:
        positive(self, "learning_rate", "ridge")
        not_negative(self, "layers", "prior")
        one_of("gate", self.gate, GATES)


def default_layer(layers: int) -> int:
    """The last edited layer where nothing is said: the floor of :data:`DEPTH` · layers.

    Layer 30 of 32, 26 of 28 and 5 of 6.
    """
    return min(int(DEPTH * layers), layers - 1)


def default_count(last: int) -> int:
    """How many layers are edited where nothing is said: two, where there are two up to the last one."""
    return min(LAYERS, last + 1)
