"""What can be set about MEND."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import GATES, not_negative, one_of, positive


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How the editor network is trained: with the base model, all that it is a function of.

    Attributes:
        target: the highest of the edited matrices.
        blocks: how many blocks' matrices are edited, that one's and those below it.
        rank: of the two low-rank layers.
        network_steps: steps of the training, the one limit of its length.
        network_minibatch: made-up edits a step.
        network_rate: of Adam.
        edit_weight: c_e.
        end: whether the answer's end is written too.
    """

    target: str
    blocks: int
    rank: int
    network_steps: int
    network_minibatch: int
    network_rate: float
    edit_weight: float
    end: bool


@dataclass(frozen=True, slots=True)
class MendSettings:
    """How edits are written, and how the editor network is trained that writes them.

    Attributes:
        target: the highest matrix that is edited, by its path in the model; empty before the model is known.
        gate: ``always``, as in the paper, or ``keys``: only where a prompt means one of the edits.
        blocks: how many blocks' value projections are edited: the target's and those of the blocks below it (paper: 3).
        together: the edits of one commit are written in one step, their changes summed; else one after another.
        end: whether the answer's end is written too.
        rank: Editor network. Of its two low-rank layers, at most (paper: 1920).
        network_steps: how many steps it is trained, once for a base model: the one limit of what that costs.
        network_minibatch: made-up edits a step, each on a model of its own (paper: 10).
        network_rate: of Adam, which falls to zero in the end.
        edit_weight: c_e, what the edits' loss weighs beside the divergence on unrelated text (paper: 0.1).

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    gate: str = "always"
    blocks: int = 3
    together: bool = True
    end: bool = True
    rank: int = 256
    network_steps: int = 1000
    network_minibatch: int = 8
    network_rate: float = 0.001
    edit_weight: float = 0.1

    def __post_init__(self) -> None:
        positive(self, "blocks", "rank", "network_minibatch", "network_rate", "edit_weight")
        not_negative(self, "network_steps")
        one_of("gate", self.gate, GATES)

    @property
    def network(self) -> NetworkSettings:
        """What the editor network depends on."""
        return NetworkSettings(
            self.target,
            self.blocks,
            self.rank,
            self.network_steps,
            self.network_minibatch,
            self.network_rate,
            self.edit_weight,
            self.end,
        )
