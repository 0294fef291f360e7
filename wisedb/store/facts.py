"""The edits in force at a commit, and what differs between two commits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wisedb.edits import Edit
from wisedb.store.index.fill import numbers
from wisedb.store.index.session import Session
from wisedb.store.lines import since_all
from wisedb.store.rows import EDITS, RowFormat, T

if TYPE_CHECKING:
    from wisedb.store.queries import Source

# An edit is in force where one of the commit's memories says so.
_IN_FORCE: Final = """
    SELECT DISTINCT unnest(edits) AS edit FROM whole_memories
    WHERE number IN (SELECT unnest(memories) FROM whole_commits WHERE number = {commit})
"""

# Since when: the newest commit of the line that added it, and its place there; the line's numbers grow from commit to
# commit. What no commit of the line added comes last. The rows are sorted outside: the database would copy all columns
# twice for that.
_IN_ORDER: Final = """
    WITH added AS (
        SELECT edit, max(commit * 4294967296 + position) AS place FROM whole_changes
        WHERE action = 'added' AND commit IN (SELECT unnest($1::VARCHAR::INTEGER[])) GROUP BY edit
    ),
    placed AS MATERIALIZED (
        SELECT chosen.edit, coalesce(added.place, 4611686018427387904 + chosen.edit) AS place
        FROM ({chosen}) AS chosen LEFT JOIN added ON added.edit = chosen.edit {limit}
    )
    SELECT {columns}, placed.place FROM {tables}
"""
_PLACED: Final = "whole_edits JOIN placed ON placed.edit = whole_edits.number"

# The commit that a place names; for what came by a merge, the one on the merged line.
_SINCE: Final = f"""{_PLACED}
    LEFT JOIN (
        SELECT unnest($2::VARCHAR::INTEGER[]) AS edit, unnest($3::VARCHAR::INTEGER[]) AS commit
    ) AS merged ON merged.edit = placed.edit
    LEFT JOIN (
        SELECT number AS since, id AS since_commit, author AS since_author, date AS since_date FROM whole_commits
    ) ON since = coalesce(merged.commit, placed.place // 4294967296)
"""
_MERGED: Final = "placed WHERE placed.place // 4294967296 IN (SELECT unnest($2::VARCHAR::INTEGER[]))"


_SINCE_ALONE: Final[RowFormat[list[tuple[Any, ...]]]] = RowFormat(
    "id, since_commit", lambda rows: [row[:2] for row in rows], dated=True
)


@dataclass(frozen=True, slots=True)
class FactDiff:
    """What lies between two states. Facts are told apart by their normalised prompts.

    Attributes:
        added: facts of the second state whose prompt the first has no fact for.
        removed: facts of the first state whose prompt the second has no fact for.
        changed: (prompt, edit in the first, edit in the second) where the edits differ; also if only in their reason.
    """

    added: tuple[Edit, ...]
    removed: tuple[Edit, ...]
    changed: tuple[tuple[str, Edit, Edit], ...]


def facts(store: Source, rev: str = "HEAD", n: int | None = None) -> list[Edit]:
    """The edits in force at a revision, in the order in which they came into force, at most the first ``n``.

    Raises:
        UnknownRevision, AmbiguousId: ``rev`` names no commit, or several.
        MissingObject, CorruptObject: the history is damaged.
    """
    return facts_as(EDITS, store, rev, n)


def facts_as(row_format: RowFormat[T], store: Source, rev: str = "HEAD", n: int | None = None) -> T:
    """The same as something else than edits.

    Raises:
        UnknownRevision, AmbiguousId: ``rev`` names no commit, or several.
        MissingObject, CorruptObject: the history is damaged.
    """
    commit = store.resolve(rev)

    def ask(session: Session) -> T:
        number = session.number(commit)
        return _edits(row_format, session, number, _IN_FORCE.format(commit=number), n)

    return store.index.run(ask, commits=[commit])


def diff(store: Source, a: str, b: str = "HEAD") -> FactDiff:
    """What is in force at ``b`` and not at ``a``, and the other way round.

    Raises:
        UnknownRevision, AmbiguousId: a revision names no commit, or several.
        MissingObject, CorruptObject: the history is damaged.
    """
    first, second = store.resolve(a), store.resolve(b)

    def ask(session: Session) -> tuple[list[Edit], list[Edit]]:
        one, two = session.number(first), session.number(second)
        sets = {number: _IN_FORCE.format(commit=number) for number in (one, two)}
        return (
            _edits(EDITS, session, one, f"({sets[one]}) EXCEPT ({sets[two]})"),
            _edits(EDITS, session, two, f"({sets[two]}) EXCEPT ({sets[one]})"),
        )

    removed, added = store.index.run(ask, commits=[first, second])
    before = {edit.key: edit for edit in removed}
    after = {edit.key: edit for edit in added}
    return FactDiff(
        added=tuple(edit for edit in added if edit.key not in before),
        removed=tuple(edit for edit in removed if edit.key not in after),
        changed=tuple((edit.prompt, before[edit.key], edit) for edit in after.values() if edit.key in before),
    )


def in_force(commit: int) -> str:
    """A query with one column, ``edit``: the numbers of the edits in force at a commit."""
    return _IN_FORCE.format(commit=int(commit))


def since_in_force(session: Session, commit: int) -> list[tuple[Any, ...]]:
    """(edit, the commit that brought it into force) of the edits in force at a commit, by their ids."""
    return _edits(_SINCE_ALONE, session, commit, in_force(commit))


def _edits(row_format: RowFormat[T], session: Session, commit: int, chosen: str, n: int | None = None) -> T:
    limit = "" if n is None else f"ORDER BY place LIMIT {max(0, int(n))}"

    def rows(columns: str, tables: str, *parameters: str) -> list[tuple[Any, ...]]:
        query = _IN_ORDER.format(chosen=chosen, limit=limit, columns=columns, tables=tables)
        return session.rows(query, [numbers(line), *parameters])

    line = session.line(commit)
    if not row_format.dated:
        return row_format.in_order(rows(row_format.columns, _PLACED))
    merges = [number for number in line if session.merged(number)]
    came = [row[0] for row in rows("placed.edit", _MERGED, numbers(merges))] if merges else []
    since = since_all(session, commit, {edit: edit for edit in came})
    return row_format.in_order(rows(row_format.columns, _SINCE, numbers(since), numbers(since.values())))
