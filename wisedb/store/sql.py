"""Read-only SQL over the history, for people."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, time
from decimal import Decimal
from threading import Timer
from typing import TYPE_CHECKING, Any, Final

from wisedb.errors import UsageError
from wisedb.store.fields import is_utf8
from wisedb.store.index import schema
from wisedb.store.index.fill import insert_plain
from wisedb.store.index.session import Session

if TYPE_CHECKING:
    import duckdb

    from wisedb.store.queries import Source

_HINT: Final = (
    "The tables are commits, edits, facts, facts_in_force, facts_history, changes, memories, scores, refs, reflog and"
    " signatures; `DESCRIBE edits` lists columns."
)

# In this order: the last one makes the others final. A session reaches no files as it is.
_CLOSED: Final = (
    "SET python_enable_replacements = false",
    "SET TimeZone = 'UTC'",
    "SET lock_configuration = true",
    "BEGIN TRANSACTION READ ONLY",
)

TIMEOUT: Final = 60.0
"""Seconds after which a query is stopped."""

MEMORY: Final = "2GB"
"""What a query may take."""

MOST_ROWS: Final = 1_000_000
"""Rows of a result beyond which it is refused."""

MOST_BYTES: Final = 1 << 28
"""Bytes of the texts in a result beyond which it is refused."""

_PIECE: Final = 1024


def sql(store: Source, query: str, *, timeout: float = TIMEOUT) -> tuple[list[str], list[list[Any]]]:
    """Run one read-only query.

    It sees ``commits``, ``edits``, ``facts`` (those in force at HEAD), ``facts_in_force`` (the same with what brought
    each), ``facts_history``, ``changes``, ``memories``, ``scores``, ``refs``, ``reflog`` and ``signatures``, which are
    what ``SHOW TABLES`` shows, and neither files, nor the network, nor the process.

    Args:
        store: the store.
        query: the query.
        timeout: seconds after which it is stopped.

    Returns:
        The columns' names, and the rows as JSON values: times as ISO 8601, numbers that are not finite as ``null``.

    Raises:
        UsageError: it is not one query, writes, takes too long, too much memory or gives too much, or is wrong; the
            message is DuckDB's first line.
        MissingObject, CorruptObject: the history is damaged.
    """

    def ask(session: Session) -> tuple[list[str], list[list[Any]]]:
        _prepare(session, store, query.lower())
        return _run(session, query, timeout)

    return store.index.run(ask)


def _prepare(session: Session, store: Source, asked: str) -> None:
    import duckdb

    # Here, so that questions about facts load nothing of signatures.
    from wisedb.store.audit_tables import TABLES, audit_tables

    scores = _scores(session, store) if "scores" in asked else []
    audit = audit_tables(session, store, asked)
    session.connection.execute("SET schema = 'main'")
    session.connection.execute("CREATE TABLE refs (name VARCHAR, kind VARCHAR, commit VARCHAR)")
    session.connection.execute("CREATE TABLE scores (commit VARCHAR, name VARCHAR, record JSON)")
    insert_plain(session.connection, "refs", store.index.refs())
    insert_plain(session.connection, "scores", scores)
    for table, rows in audit.items():
        session.connection.execute(TABLES[table])
        insert_plain(session.connection, table, rows)
    session.connection.execute(schema.views())
    with suppress(duckdb.Error):  # an index that is in memory may take more already
        session.connection.execute(f"SET memory_limit = '{MEMORY}'")
    for statement in _CLOSED:
        session.connection.execute(statement)


def _scores(session: Session, store: Source) -> list[tuple[str, str, str]]:
    """What was measured right after an edit is in the commit, under the name ``commit``; all else is kept beside it."""
    seen = dict(session.rows("SELECT id, scores FROM seen_commits"))
    found = [(commit, "commit", record) for commit, record in seen.items() if record is not None]
    for commit in store.scores.commit_ids():
        if commit in seen:
            kept = store.scores.get(commit)
            found.extend((commit, name, json.dumps(record, sort_keys=True)) for name, record in kept.items())
    return sorted(found)


def _run(session: Session, query: str, timeout: float) -> tuple[list[str], list[list[Any]]]:
    import duckdb

    connection = session.connection
    if not is_utf8(query):
        raise UsageError("the query is not UTF-8", hint=_HINT)
    try:
        statements = connection.extract_statements(query)
        if len(statements) != 1:
            raise UsageError(f"give one query, not {len(statements)}", hint=_HINT)
        if statements[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
            kind = statements[0].type.name.replace("_", " ")
            raise UsageError(f"the index is read-only and this is {kind}, not a SELECT", hint=_HINT)
        with _stopped_after(connection, timeout):
            return _answer(connection.execute(statements[0]))
    except duckdb.InterruptException as error:
        raise UsageError(
            f"the query took longer than {timeout:g} seconds", hint="Ask for less, or give it more time: --timeout."
        ) from error
    except duckdb.Error as error:
        with suppress(duckdb.Error):
            connection.rollback()  # a failed transaction answers nothing more
        # Is it the query, or the file? A damaged file fails here too, and that error is for the index to handle.
        _look_through(session)
        raise UsageError(str(error).strip().partition("\n")[0], hint=_HINT) from error
    except (ValueError, OverflowError) as error:
        raise UsageError(f"a value of the result can't be shown: {error}", hint=_HINT) from error


def _answer(cursor: duckdb.DuckDBPyConnection) -> tuple[list[str], list[list[Any]]]:
    described = cursor.description or []
    columns = [str(column[0]) for column in described]
    if any("TIME ZONE" in str(column[1]) for column in described):
        # To show one, DuckDB wants a time zone library that we don't ask for; all times here are UTC anyway.
        raise UsageError("a column of the result has a time zone", hint="Cast it: `now()::TIMESTAMP`.")
    rows: list[list[Any]] = []
    weight = 0
    while piece := cursor.fetchmany(_PIECE):
        rows.extend([_plain(value) for value in row] for row in piece)
        weight += sum(len(value) for row in rows[-len(piece) :] for value in row if isinstance(value, str))
        if len(rows) > MOST_ROWS or weight > MOST_BYTES:
            raise UsageError(
                f"the result has more than {MOST_ROWS} rows or {MOST_BYTES} bytes", hint="Ask for less: add a LIMIT."
            )
    return columns, rows


@contextmanager
def _stopped_after(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    timer = Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _look_through(session: Session) -> None:
    for table in schema.TABLES:
        session.rows(f"SELECT bit_xor(hash(whole)) FROM internal.whole_{table} AS whole")


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime):
        # Commits carry UTC, and so does whatever is computed from their dates.
        return value.isoformat().replace("+00:00", "") + "Z"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return _plain(float(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)
