"""Which commits of an index the refs still reach; the others were left behind by a reset or a deleted branch."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wisedb.store.index.fill import numbers

if TYPE_CHECKING:
    import duckdb

Graph = dict[int, tuple[int | None, tuple[int, ...]]]
"""Commit → its first parent and its other parents, all as numbers."""


def read_graph(connection: duckdb.DuckDBPyConnection, table: str) -> Graph:
    """The graph of the commits in ``table``."""
    found = connection.execute(f"SELECT number, first_parent, other_parents FROM {table}").fetchall()
    return {number: (first, tuple(others)) for number, first, others in found}


def unreached(connection: duckdb.DuckDBPyConnection, table: str, graph: Graph, roots: Collection[str]) -> list[int]:
    """The commits in ``table`` that none of ``roots`` is or descends from."""
    query = f"SELECT number FROM {table} WHERE id IN (SELECT unnest($1::VARCHAR[]))"
    stack = [number for (number,) in connection.execute(query, [list(roots)]).fetchall()]
    reached = set(stack)
    while stack:
        first, others = graph[stack.pop()]
        above = {number for number in (first, *others) if number is not None} - reached
        reached |= above
        stack.extend(above)
    return [number for number in graph if number not in reached]


def hide(connection: duckdb.DuckDBPyConnection, commits: Collection[int], kind: str = "TABLE") -> None:
    """Fill the new table ``hidden`` (a ``TABLE`` or a ``TEMP TABLE``) with these commits."""
    connection.execute(f"CREATE {kind} hidden (number INTEGER)")
    connection.execute("INSERT INTO hidden SELECT unnest($1::VARCHAR::INTEGER[])", [numbers(commits)])


def forget(connection: duckdb.DuckDBPyConnection, roots: Collection[str]) -> None:
    """Delete what ``roots`` don't reach from the tables of a generation."""
    left = unreached(connection, "commits", read_graph(connection, "commits"), roots)
    if not left:
        return
    hide(connection, left, "TEMP TABLE")
    for statement in (
        "DELETE FROM commits WHERE number IN (SELECT number FROM hidden)",
        "DELETE FROM changes WHERE commit IN (SELECT number FROM hidden)",
        "DELETE FROM edits WHERE number NOT IN (SELECT edit FROM changes WHERE action <> 'reverted')",
        "DELETE FROM memories WHERE number NOT IN (SELECT unnest(memories) FROM commits)",
        "DROP TABLE hidden",
    ):
        connection.execute(statement)
