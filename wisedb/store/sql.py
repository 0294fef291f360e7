"""Read-only SQL over the history, for people."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from wisedb.errors import UsageError
from wisedb.store.fields import is_utf8
from wisedb.store.index import schema
from wisedb.store.index.fill import insert_plain
from wisedb.store.index.session import Session

if TYPE_CHECKING:
    from wisedb.store.queries import Source

_HINT: Final = (
    "The tables are commits, edits, facts, changes, memories, scores and refs; `DESCRIBE edits` lists columns."
)

# In this order: the last one makes the others final. A session reaches no files as it is.
_CLOSED: Final = (
    "SET python_enable_replacements = false",
    "SET TimeZone = 'UTC'",
    "SET lock_configuration = true",
)


def sql(store: Source, query: str) -> tuple[list[str], list[list[Any]]]:
    """Run one read-only query.

    It sees ``commits``, ``edits``, ``facts`` (those in force at HEAD), ``changes``, ``memories``, ``scores`` and
    ``refs``, which are what ``SHOW TABLES`` shows, and neither files, nor the network, nor the process.

    Returns:
        The columns' names, and the rows as JSON values: times as ISO 8601, numbers that are not finite as ``null``.

    Raises:
        UsageError: it is not one query, writes, or is wrong; the message is DuckDB's first line.
        MissingObject, CorruptObject: the history is damaged.
    """

    def ask(session: Session) -> tuple[list[str], list[list[Any]]]:
        _prepare(session, store, with_scores="scores" in query.lower())
        return _run(session, query)

    return store.index.run(ask)


def _prepare(session: Session, store: Source, *, with_scores: bool) -> None:
    scores = _scores(session, store) if with_scores else []
    session.connection.execute("SET schema = 'main'")
    session.connection.execute("CREATE TABLE refs (name VARCHAR, kind VARCHAR, commit VARCHAR)")
    session.connection.execute("CREATE TABLE scores (commit VARCHAR, name VARCHAR, record JSON)")
    insert_plain(session.connection, "refs", store.index.refs())
    insert_plain(session.connection, "scores", scores)
    session.connection.execute(schema.views())
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


def _run(session: Session, query: str) -> tuple[list[str], list[list[Any]]]:
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
        cursor = connection.execute(statements[0])
        described = cursor.description or []
        columns = [str(column[0]) for column in described]
        if any("TIME ZONE" in str(column[1]) for column in described):
            # To show one, DuckDB wants a time zone library that we don't ask for; all times here are UTC anyway.
            raise UsageError("a column of the result has a time zone", hint="Cast it: `now()::TIMESTAMP`.")
        return columns, [[_plain(value) for value in row] for row in cursor.fetchall()]
    except duckdb.Error as error:
        # Is it the query, or the file? A damaged file fails here too, and that error is for the index to handle.
        _look_through(session)
        raise UsageError(str(error).strip().partition("\n")[0], hint=_HINT) from error
    except (ValueError, OverflowError) as error:
        raise UsageError(f"a value of the result can't be shown: {error}", hint=_HINT) from error


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
