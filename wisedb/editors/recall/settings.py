"""What can be set about the rows of ``recall``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wisedb.editors.common.settings import not_negative, one_of, positive
from wisedb.errors import UnknownSetting

if TYPE_CHECKING:
    from wisedb.memory.gates.base import KeyFormat

FORMATS: Final[dict[str, KeyFormat]] = {"auto": "both", "raw": "raw", "chat": "chat", "both": "both"}
"""What ``format`` may be, and of which prompts keys are made then."""


@dataclass(frozen=True, slots=True)
class RecallSettings:
    """How one edit becomes a row.

    Attributes:
        target: the matrix beside which rows stand, by its path in the model; empty before the model is known.
        rank: of a row, at most; one for each token of the answer, its end included, where that is less.
        steps: gradient steps towards the values, at most.
        learning_rate: of Adam, in units of the root mean square of the residual stream: models differ in scale by far.
        margin: by how much, in nats, each token of the answer must lead all others under every prompt that is trained,
            from which on no further step is taken.
        ridge: λ of the keys, as a share of what the trained tokens have of themselves; larger keys are smoother.
        contexts: prefixes behind which an edit is trained too, as the model itself wrote them.
        unrelated: unrelated prompts of the pool behind which its answer is trained too: which edit is meant the keys
            decide, so that its row says the answer whatever the words were.
        train_rephrases: an edit's own rephrases are learned and routed by too; they can't measure generalization then.
        format: how an edit is learned and found: ``raw`` as a plain prompt, ``chat`` behind the model's chat template,
            ``both``; ``auto`` is both where there is a template, and raw elsewhere.
        end: the answer's end is learned too, so that generation stops by itself.

    Raises:
        UnknownSetting: a value out of its range.
    """

    target: str = ""
    rank: int = 16
    steps: int = 40
    learning_rate: float = 0.3
    margin: float = 4.0
    ridge: float = 0.01
    contexts: int = 2
    unrelated: int = 16
    train_rephrases: bool = False
    format: str = "auto"
    end: bool = True

    def __post_init__(self) -> None:
        one_of("format", self.format, FORMATS)
        for name in ("rank", "steps"):
            if getattr(self, name) < 1:
                raise UnknownSetting(f"{name} is {getattr(self, name)}", hint="Give 1 or more.")
        positive(self, "learning_rate", "ridge")
        not_negative(self, "margin", "contexts", "unrelated")

    @property
    def key_format(self) -> KeyFormat:
        """Of which prompts keys are made."""
        return FORMATS[self.format]

    @property
    def needs_template(self) -> bool:
        """Whether a model without a chat template can't be taught so."""
        return self.format in ("chat", "both")
