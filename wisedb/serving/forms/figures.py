"""What the tables of forms say of a commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

RIGHT_AIM: Final = 0.9
"""The least share of the edits right in the plain form that a form should keep."""

CHANGED_AIM: Final = 0.02
"""The largest share of replies that may change where the fact is not asked."""


@dataclass(frozen=True, slots=True)
class HowAsked:
    """One form in which an edit's fact is asked; shares are 0 to 1, over the edits that can be asked so.

    Attributes:
        kind: ``plain`` or ``chat``.
        n: how many edits can.
        right: share of them that are answered rightly (:func:`wisedb.serving.says.says`); ``None`` of none, as below.
        plain_right: the same edits' share in the plain form, by the same model.
        base_right: share of them whose target the unedited model says.
        base_old: share of them, where an old answer is known, whose old answer the unedited model says: whether it
            understands the form at all.
    """

    kind: str
    n: int
    right: float | None
    plain_right: float | None
    base_right: float | None
    base_old: float | None

    @property
    def kept(self) -> float | None:
        """``right`` as a share of ``plain_right``, which is meant to be :data:`RIGHT_AIM` at least."""
        return self.right / self.plain_right if self.right is not None and self.plain_right else None


@dataclass(frozen=True, slots=True)
class MustNotFire:
    """One form in which the edit's fact is not asked.

    Attributes:
        kind: ``plain`` or ``chat``.
        n: how many edits can be put in it.
        changed: share of them to which the edited model's greedy reply is not the unedited one's, word for word;
            ``None`` of none. Meant to be :data:`CHANGED_AIM` at most.
    """

    kind: str
    n: int
    changed: float | None


@dataclass(frozen=True, slots=True)
class FormFigures:
    """Both tables, by the form's name, in their order.

    Attributes:
        seed: of every choice.
        how_asked: forms in which the fact is asked.
        must_not_fire: forms in which it isn't.
    """

    seed: int
    how_asked: Mapping[str, HowAsked]
    must_not_fire: Mapping[str, MustNotFire]

    def to_json(self) -> dict[str, Any]:
        """``{"how_asked": {form: {…}}, "must_not_fire": {form: {…}}, "seed"}``."""
        return {
            "how_asked": {name: {**asdict(row), "kept": row.kept} for name, row in self.how_asked.items()},
            "must_not_fire": {name: asdict(row) for name, row in self.must_not_fire.items()},
            "seed": self.seed,
        }
