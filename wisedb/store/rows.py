"""Edits out of the index's rows, in the form that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from wisedb.edits import Edit, LocalityPrompt

T = TypeVar("T")

COLUMNS: Final = (
    "id, prompt, target, subject, ground_truth, rephrases, locality_prompts, locality_answers, source, reason, tags"
)
"""What :func:`to_edits` needs, in its order."""


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """What the edits that a query finds are handed out as.

    A hundred thousand of them are a second's work as objects and a tenth of that as text, which the database makes.

    Attributes:
        columns: expressions over the columns of the table of edits.
        read: makes the answer out of such rows.
    """

    columns: str
    read: Callable[[list[tuple[Any, ...]]], T]


def to_edits(rows: Iterable[tuple[Any, ...]]) -> list[Edit]:
    """The edits of rows that begin with :data:`COLUMNS`.

    The rows were made from checked edits, so that they are not checked once more and the id is not hashed anew: with a
    hundred thousand facts that is the difference between half a second and several.
    """
    return [_to_edit(*row[:11]) for row in rows]


def _to_edit(
    edit_id: str,
    prompt: str,
    target: str,
    subject: str | None,
    ground_truth: str | None,
    rephrases: list[str],
    locality_prompts: list[str],
    locality_answers: list[str | None],
    source: str | None,
    reason: str | None,
    tags: list[str],
) -> Edit:
    edit = object.__new__(Edit)
    vars(edit).update(
        id=edit_id,
        prompt=prompt,
        target=target,
        subject=subject,
        ground_truth=ground_truth,
        rephrases=tuple(rephrases),
        locality=tuple(map(LocalityPrompt, locality_prompts, locality_answers)),
        source=source,
        reason=reason,
        tags=tuple(tags),
    )
    return edit


def _array(rows: list[tuple[Any, ...]]) -> str:
    if not rows:
        return "[]"
    records = [record for (record,) in rows]
    # One join and no more copies: it may be fifty megabytes.
    records[0] = "[\n" + records[0]
    records[-1] += "\n]"
    return ",\n".join(records)


EDITS: Final[Form[list[Edit]]] = Form(COLUMNS, to_edits)
"""Objects."""

JSON: Final[Form[str]] = Form(
    """to_json({
        id: id, prompt: prompt, target: target, subject: subject, ground_truth: ground_truth, rephrases: rephrases,
        locality: list_zip(locality_prompts, locality_answers)::STRUCT(prompt VARCHAR, answer VARCHAR)[],
        source: source, reason: reason, tags: tags
    })""",
    _array,
)
"""One JSON array of what :meth:`wisedb.edits.Edit.to_json` gives, an edit a line."""

BRIEF: Final[Form[Sequence[tuple[str, str, str, str]]]] = Form(
    "left(id, 12), prompt, target, coalesce(reason, '')", list
)
"""(the first twelve digits of the id, prompt, target, reason or nothing): what fits on a line."""
