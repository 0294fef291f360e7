"""What can be set about Defer."""

from __future__ import annotations

from dataclasses import dataclass

from wisedb.editors.common.settings import GATES, not_negative, one_of, positive


@dataclass(frozen=True, slots=True)
class DeferSettings:
    """How one edit is trained into the scorer and the layer.

    Attributes:
        target: the projection in whose place the layer answers, by its path in the model; empty before it is known.
        gate: ``always``: the scorer alone says where; or ``keys``: besides only where a prompt means one of the edits.
        steps: gradient steps an edit, at most (public code: 100).
        learning_rate: of Adam on the layer: how far one step moves its output at the prompt's last token, at most, in
            root mean squares of the residual stream there. Models differ in scale by far (public code: 0.1 an entry).
        scorer_rate: of Adam on the scorer: how far one step moves its score there, at most.
        enough: the loss of the answer's worst token, in nats, from which on no further step is taken; 0 takes all.
        quiet: unrelated prompts a step at whose tokens the scorer shall say no. The baseline has none, and SERAC does.
        end: whether the answer's end is learned too, so that generation stops by itself.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    gate: str = "always"
    steps: int = 100
    learning_rate: float = 0.1
    scorer_rate: float = 0.1
    enough: float = 0.1
    quiet: int = 0
    end: bool = True

    def __post_init__(self) -> None:
        positive(self, "steps", "learning_rate", "scorer_rate")
        not_negative(self, "enough", "quiet")
        one_of("gate", self.gate, GATES)
