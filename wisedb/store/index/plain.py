"""What a file of the index may hold: its tables, and nothing that computes.

A store can come from somebody else, its index with it. A view in the place of a table would run with the rights of
whoever asks the index.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from wisedb.errors import CorruptObject
from wisedb.store.index import schema

if TYPE_CHECKING:
    import duckdb

CLOSED: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""How every connection is opened: nothing is fetched, nothing is loaded."""

_COLUMNS: Final = """
    SELECT table_name, column_name, data_type, coalesce(column_default, '') FROM duckdb_columns()
    WHERE database_name = $1 ORDER BY table_name, column_index"""
_OTHERS: Final = """
    SELECT view_name FROM duckdb_views() WHERE database_name = $1 AND NOT internal
    UNION ALL SELECT sequence_name FROM duckdb_sequences() WHERE database_name = $1
    UNION ALL SELECT index_name FROM duckdb_indexes() WHERE database_name = $1
    UNION ALL SELECT constraint_type FROM duckdb_constraints() WHERE database_name = $1"""
# Asked of a connection's own database alone: those of an attached one are not found by name, and the list is long.
_MACROS: Final = "SELECT function_name FROM duckdb_functions() WHERE database_name = $1 AND NOT internal"


class DamagedIndex(CorruptObject):
    """A generation that opens and isn't what it was."""


def ensure_plain(connection: duckdb.DuckDBPyConnection, database: str | None = None) -> None:
    """Refuse a database that holds anything but the index's tables.

    Args:
        connection: one on which the database is open.
        database: its name; the connection's own without one.

    Raises:
        DamagedIndex: a table is missing or has other columns, or something else is there.
    """
    others = _OTHERS
    if database is None:
        ((database,),) = connection.execute("SELECT current_database()").fetchall()
        others = f"{_OTHERS} UNION ALL {_MACROS}"
    found = connection.execute(_COLUMNS, [database]).fetchall()
    if found != _columns() or connection.execute(others, [database]).fetchall():
        raise DamagedIndex("the index holds something else than its tables", hint="Run `wisedb reindex`.")


@cache
def _columns() -> list[tuple[str, str, str, str]]:
    import duckdb

    with duckdb.connect(":memory:", config=CLOSED) as connection:
        connection.execute(schema.tables())
        return connection.execute(_COLUMNS, ["memory"]).fetchall()
