"""A connection on which queries see the whole history: a generation, and beside it what it lacks.

The generation is attached read-only to a database in memory. Commits that it lacks are read from the objects into
tables of the same form; views join both. Without a generation, all of it is in memory. So every query is written once
and answers alike, whatever state the index is in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from wisedb.errors import StoreError
from wisedb.store.index import schema
from wisedb.store.index.fill import fill, lookup_in
from wisedb.store.index.gather import gather
from wisedb.store.index.lacking import Missing
from wisedb.store.index.left_out import LeftOut
from wisedb.store.index.plain import CLOSED, ensure_plain
from wisedb.store.index.reach import Graph, hide, read_graph, unreached
from wisedb.store.objects import Objects
from wisedb.store.rows import uncollected

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb


class Session:
    """An open index.

    All of it lies in the schema ``internal``, so that ``SHOW TABLES`` shows the views of :mod:`wisedb.store.sql` alone.
    ``whole_<table>`` hold all rows; ``seen_commits`` and ``seen_edits`` only what refs reach: the rest belongs to
    commits that were left behind by ``reset`` and are asked for by name.

    Args:
        generation: the file to attach, or ``None``.

    Raises:
        duckdb.Error: the file can't be read.
        DamagedIndex: it holds something else than the index's tables.
    """

    def __init__(self, generation: Path | None) -> None:
        # Here, so that commands that need no index start without DuckDB.
        import duckdb

        self.connection: duckdb.DuckDBPyConnection = duckdb.connect(
            ":memory:",
            # Without a place for temporary files, which would be `.tmp` in the working directory, open to all queries.
            config={**CLOSED, "threads": 2, "temp_directory": ""},
        )
        self._graph: Graph | None = None
        self._firsts: dict[int, int | None] | None = None
        self._merges: dict[int, tuple[int, ...]] | None = None
        self._parts: list[str] = []
        try:
            self.connection.execute("CREATE SCHEMA internal; SET schema = 'internal'")
            if generation is not None:
                quoted = str(generation).replace("'", "''")
                self.connection.execute(f"ATTACH '{quoted}' AS disk (READ_ONLY)")
            # From here on no statement reaches a file or the network, whatever somebody wrote into the generation.
            self.connection.execute("SET enable_external_access = false")
            if generation is None:
                self._make_room()
            else:
                ensure_plain(self.connection, "disk")
                self._parts.append("disk.")
                self._join()
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Free the database."""
        self.connection.close()

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows that a query gives."""
        with uncollected():
            return self.connection.execute(query, list(parameters)).fetchall()

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        counts = ", ".join(f"(SELECT count(*) FROM whole_{table})" for table in schema.TABLES)
        return dict(zip(schema.TABLES, self.rows(f"SELECT {counts}")[0], strict=True))

    def known(self) -> set[str]:
        """The ids of all commits."""
        return {row[0] for row in self.rows("SELECT id FROM whole_commits")}

    def add(self, objects: Objects, new: Missing) -> None:
        """Take commits in that the generation lacks; ``new.left_out`` then tells which could not be read."""
        if not new.ids:
            return
        if "fresh." not in self._parts:
            self._make_room()
        fill(self.connection, objects, new, into="fresh.", whole="whole_")
        self._graph = self._firsts = self._merges = None

    def fault(self, objects: Objects, commit_id: str) -> StoreError | None:
        """Why a commit whose parents are here can't be, ``None`` where nothing stands in the way (any more)."""
        left_out = LeftOut()
        try:
            commits = [(commit_id, objects.commit(commit_id))]
            counts = dict.fromkeys(schema.TABLES, 0)
            gather(objects, commits, lookup_in(self.connection, "whole_"), counts, left_out)
        except StoreError as error:
            return error
        fault = left_out.faults.get(commit_id)
        return None if fault is None else fault.error

    def show_only(self, roots: Collection[str]) -> None:
        """Let ``seen_…`` show what ``roots`` reach and nothing else."""
        left = unreached(self.connection, "whole_commits", self.graph(), roots)
        if not left:
            return
        hide(self.connection, left)
        self.connection.execute(
            """CREATE OR REPLACE VIEW seen_commits AS
                SELECT * FROM whole_commits WHERE number NOT IN (SELECT number FROM hidden);
            CREATE OR REPLACE VIEW seen_edits AS
                SELECT * FROM whole_edits WHERE number IN (
                    SELECT edit FROM whole_changes
                    WHERE action <> 'reverted' AND commit NOT IN (SELECT number FROM hidden))"""
        )

    def number(self, commit_id: str) -> int:
        """A commit's number; it must be there."""
        return int(self.rows("SELECT number FROM whole_commits WHERE id = $1", [commit_id])[0][0])

    def graph(self) -> Graph:
        """Commit → its first parent and its other parents, all as numbers."""
        if self._graph is None:
            self._graph = read_graph(self.connection, "whole_commits")
        return self._graph

    def line(self, number: int) -> list[int]:
        """The commit, its first parent, that one's first parent, …, as numbers."""
        if self._firsts is None:
            self._firsts = dict(self.rows("SELECT number, first_parent FROM whole_commits"))
        found: list[int] = []
        following: int | None = number
        while following is not None:
            found.append(following)
            following = self._firsts[following]
        return found

    def merged(self, number: int) -> tuple[int, ...]:
        """The commits that a merge brought in, as numbers; none for any other commit."""
        if self._merges is None:
            query = "SELECT number, other_parents FROM whole_commits WHERE len(other_parents) > 0"
            self._merges = {merge: tuple(others) for merge, others in self.rows(query)}
        return self._merges.get(number, ())

    def _make_room(self) -> None:
        self.connection.execute("CREATE SCHEMA fresh; SET schema = 'fresh';" + schema.tables())
        self.connection.execute("SET schema = 'internal'")
        self._parts.append("fresh.")
        self._join()

    def _join(self) -> None:
        views = {
            f"whole_{table}": " UNION ALL ".join(f"SELECT * FROM {part}{table}" for part in self._parts)
            for table in schema.TABLES
        }
        views |= {f"seen_{table}": f"SELECT * FROM whole_{table}" for table in ("commits", "edits")}
        self.connection.execute(";".join(f"CREATE OR REPLACE VIEW {name} AS {query}" for name, query in views.items()))
