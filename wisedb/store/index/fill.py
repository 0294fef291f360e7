"""Rows into tables, by the thousand, and numbers back out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from wisedb.store.index import schema
from wisedb.store.index.gather import Lookup, Rows, gather
from wisedb.store.index.lacking import Missing
from wisedb.store.objects import Objects

if TYPE_CHECKING:
    import duckdb

CHUNK: Final = 512
"""Commits that are read, turned into rows and written at a time: bounds the memory that a rebuild takes."""

# A column goes to DuckDB as one list that the engine unnests: two hundred times as fast as row by row. Lists of numbers
# travel as text, because every element of a list becomes an object of its own on the way.
_TYPES: Final = {
    "commits": (
        "INTEGER VARCHAR VARCHAR[] INTEGER NUMBERS INTEGER VARCHAR VARCHAR VARCHAR VARCHAR VARCHAR INTEGER INTEGER"
        " NUMBERS VARCHAR"
    ),
    "edits": (
        "INTEGER VARCHAR VARCHAR VARCHAR VARCHAR VARCHAR VARCHAR[] VARCHAR[] VARCHAR[] VARCHAR VARCHAR VARCHAR[]"
        " VARCHAR[] VARCHAR[] VARCHAR[] VARCHAR[] VARCHAR VARCHAR"
    ),
    "changes": "INTEGER INTEGER INTEGER VARCHAR",
    "memories": "INTEGER VARCHAR VARCHAR VARCHAR DOUBLE BIGINT NUMBERS",
}


def fill(
    connection: duckdb.DuckDBPyConnection, objects: Objects, new: Missing, *, into: str, whole: str
) -> tuple[int, int]:
    """Write the rows of the commits that are missing.

    Args:
        connection: where to.
        objects: where from.
        new: the commits.
        into: a prefix of the tables that are written (``"disk."``).
        whole: a prefix of the tables, or views, in which numbers are looked up (``"whole_"``).

    Returns:
        How many commits and edits were written; what can't be read is left out, as ``new`` tells afterwards.

    Raises:
        duckdb.Error: the database can't be written.
    """
    lookup = lookup_in(connection, whole)
    counts = {table: _free(connection, whole + table) for table in ("commits", "edits", "memories")}
    done = edits = 0
    for commits in new.chunks(objects, CHUNK):
        rows = gather(objects, commits, lookup, counts, new.left_out)
        done += len(rows.commits)
        edits += len(rows.edits)
        counts["commits"] += len(rows.commits)
        counts["edits"] += len(rows.edits)
        counts["memories"] += len(rows.memories)
        insert(connection, into, rows)
    return done, edits


def lookup_in(connection: duckdb.DuckDBPyConnection, whole: str) -> Lookup:
    """Looks numbers up in the tables, or views, whose names begin with ``whole``."""

    def lookup(table: str, ids: Collection[str]) -> dict[str, int]:
        if not ids:
            return {}
        column = "generation" if table == "generations" else "number"
        source = whole + ("commits" if table == "generations" else table)
        found = connection.execute(
            f"SELECT id, {column} FROM {source} WHERE id IN (SELECT unnest($1::VARCHAR[]))", [list(ids)]
        ).fetchall()
        return dict(found)

    return lookup


def insert(connection: duckdb.DuckDBPyConnection, into: str, rows: Rows) -> None:
    """Write rows to the tables whose names begin with ``into``."""
    for table in schema.TABLES:
        values: list[tuple[Any, ...]] = getattr(rows, table)
        if values:
            kinds = _TYPES[table].split()
            columns = [_column(kind, column) for kind, column in zip(kinds, zip(*values, strict=True), strict=True)]
            selected = ", ".join(_unnest(place, kind) for place, kind in enumerate(kinds, 1))
            connection.execute(f"INSERT INTO {into}{table} SELECT {selected}", columns)


def insert_plain(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[str, ...]]) -> None:
    """Write rows of texts to a table."""
    if rows:
        selected = ", ".join(f"unnest(${place}::VARCHAR[])" for place in range(1, len(rows[0]) + 1))
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(f"INSERT INTO {table} SELECT {selected}", columns)


def numbers(values: Iterable[int]) -> str:
    """A list of whole numbers as the text that DuckDB casts to ``INTEGER[]``."""
    return f"[{','.join(map(str, values))}]"


def _column(kind: str, values: Sequence[Any]) -> list[Any]:
    return [numbers(value) for value in values] if kind == "NUMBERS" else list(values)


def _unnest(place: int, kind: str) -> str:
    return f"unnest(${place}::VARCHAR[])::INTEGER[]" if kind == "NUMBERS" else f"unnest(${place}::{kind}[])"


def _free(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    found = connection.execute(f"SELECT coalesce(max(number) + 1, 0) FROM {table}").fetchone()
    return int(found[0]) if found else 0
