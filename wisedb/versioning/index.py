"""The index as people use it: a query of their own, and the index made anew. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.store import history
from wisedb.store.sql import TIMEOUT

if TYPE_CHECKING:
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Table:
    """The answer to a query.

    Attributes:
        columns: their names.
        rows: one tuple of JSON values each.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """``{"columns", "rows"}``."""
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What the new index holds.

    Attributes:
        commits: how many commits.
        edits: how many edits.
        seconds: how long it took.
    """

    commits: int
    edits: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"commits": self.commits, "edits": self.edits, "seconds": self.seconds}


def sql(store: Store, query: str, *, timeout: float = TIMEOUT) -> Table:
    """Run a read-only query over the index.

    Args:
        store: the store.
        query: the query.
        timeout: seconds after which it is stopped.

    Raises:
        IndexUnusable: the index can't answer.
        UsageError: the query is wrong, or takes too much time or memory.
    """
    columns, rows = history.sql(store, query, timeout=timeout)
    return Table(tuple(columns), tuple(tuple(row) for row in rows))


def reindex(store: Store) -> Reindexed:
    """Make the index anew from the objects.

    Raises:
        StoreBusy: another process is at it.
    """
    made = store.index.rebuild()
    return Reindexed(int(made["commits"]), int(made["edits"]), float(made["seconds"]))
