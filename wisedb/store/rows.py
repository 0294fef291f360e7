"""Edits out of the index's rows, in the format that is asked for."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

from wisedb.edits import ChatMessage, Edit, LocalityPrompt

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

COLUMNS: Final = (
    "id, prompt, target, subject, ground_truth, rephrases, locality_prompts, locality_answers, source, reason, tags,"
    " message_roles, message_contents, portability_prompts, portability_answers"
)
"""What :func:`to_edits` needs, in its order."""

WIDTH: Final = len(COLUMNS.split(","))
"""How many these are."""


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection within: a hundred thousand new rows look like garbage, and none of them is."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@dataclass(frozen=True, slots=True)
class RowFormat(Generic[T_co]):
    """What the edits that a query finds are handed out as.

    A hundred thousand of them are a second's work as objects and a tenth of that as text, which the database makes.

    Attributes:
        columns: expressions over the columns of the table of edits.
        read: makes the answer out of rows that begin with these.
        dated: whether the expressions name ``since_commit``, ``since_author`` and ``since_date`` too: the commit that
            brought the edit, and its.
    """

    columns: str
    read: Callable[[list[tuple[Any, ...]]], T_co]
    dated: bool = False

    def in_order(self, rows: list[tuple[Any, ...]]) -> T_co:
        """The answer out of rows that end with their places; they are sorted by these."""
        rows.sort(key=itemgetter(-1))
        return self.read(rows)


def to_edits(rows: Iterable[tuple[Any, ...]]) -> list[Edit]:
    """The edits of rows that begin with :data:`COLUMNS`.

    The rows were made from checked edits, so that they are not checked once more and the id is not hashed anew: with a
    hundred thousand facts that is the difference between half a second and several.
    """
    return [_to_edit(*row[:WIDTH]) for row in rows]


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
    message_roles: list[str],
    message_contents: list[str],
    portability_prompts: list[str],
    portability_answers: list[str | None],
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
        messages=tuple(map(ChatMessage, message_roles, message_contents)),
        portability=tuple(map(LocalityPrompt, portability_prompts, portability_answers)),
    )
    return edit


EDITS: Final[RowFormat[list[Edit]]] = RowFormat(COLUMNS, to_edits)
"""Objects."""

_FIELDS = """
    id: id, prompt: prompt, target: target, subject: subject, ground_truth: ground_truth, rephrases: rephrases,
    locality: list_zip(locality_prompts, locality_answers)::STRUCT(prompt VARCHAR, answer VARCHAR)[],
    source: source, reason: reason, tags: tags"""
_MESSAGES = "list_zip(message_roles, message_contents)::STRUCT(role VARCHAR, content VARCHAR)[]"

_PORTABILITY = "list_zip(portability_prompts, portability_answers)::STRUCT(prompt VARCHAR, answer VARCHAR)[]"
_SINCE = "commit: since_commit, author: since_author, date: since_date"


def _json(more: str, *, dated: bool) -> RowFormat[list[str]]:
    also = f", portability: {_PORTABILITY}"
    behind = f", messages: {_MESSAGES}"
    return RowFormat(
        f"""CASE WHEN len(portability_prompts) = 0 THEN
            CASE WHEN len(message_roles) = 0 THEN to_json({{{_FIELDS}{more}}})
            ELSE to_json({{{_FIELDS}{behind}{more}}}) END
        WHEN len(message_roles) = 0 THEN to_json({{{_FIELDS}{also}{more}}})
        ELSE to_json({{{_FIELDS}{behind}{also}{more}}}) END""",
        lambda rows: [row[0] for row in rows],
        dated,
    )


JSON: Final = _json("", dated=False)
"""What :meth:`wisedb.edits.Edit.to_json` gives, each as JSON text."""

JSON_SINCE: Final = _json(f", {_SINCE}", dated=True)
"""The same with ``commit``, ``author`` and ``date`` of the commit that brought it."""

_SHORT_ID = "left(id, 12)"
_SHORT = f"""array_to_string([m.role || ': ' || m.content || ' › ' FOR m IN {_MESSAGES}], '')
        || prompt, target, coalesce(reason, '')"""

BRIEF: Final[RowFormat[Sequence[tuple[Any, ...]]]] = RowFormat(f"{_SHORT_ID}, {_SHORT}", lambda rows: rows)
"""(the first twelve digits of the id, the prompt as :attr:`wisedb.edits.Edit.shown` has it, target, reason or nothing,
…): what fits on a line."""

BRIEF_SINCE: Final[RowFormat[Sequence[tuple[Any, ...]]]] = RowFormat(
    f"""{_SHORT_ID}, coalesce(left(since_commit, 12), ''), coalesce(since_date, ''), coalesce(since_author, ''),
        {_SHORT}""",
    lambda rows: rows,
    True,
)
"""The same with the commit's first twelve digits, its date and its author behind the id, or nothing."""

CSV_COLUMNS: Final = (
    "id", "prompt", "target", "subject", "ground_truth", "rephrases", "locality", "source", "reason", "tags",
    "messages", "portability", "commit", "author", "date",
)  # fmt: skip
"""The names of what :data:`CSV` gives."""

_LOCALITY = "list_zip(locality_prompts, locality_answers)::STRUCT(prompt VARCHAR, answer VARCHAR)[]"

CSV: Final[RowFormat[Sequence[tuple[Any, ...]]]] = RowFormat(
    f"""id, prompt, target, subject, ground_truth,
        CASE WHEN len(rephrases) > 0 THEN to_json(rephrases) END,
        CASE WHEN len(locality_prompts) > 0 THEN to_json({_LOCALITY}) END, source, reason,
        CASE WHEN len(tags) > 0 THEN to_json(tags) END,
        CASE WHEN len(message_roles) > 0 THEN to_json({_MESSAGES}) END,
        CASE WHEN len(portability_prompts) > 0 THEN to_json({_PORTABILITY}) END,
        since_commit, since_author, since_date""",
    lambda rows: [row[: len(CSV_COLUMNS)] for row in rows],
    True,
)
"""A cell for each of :data:`CSV_COLUMNS`; lists as JSON, nothing as ``None``."""
