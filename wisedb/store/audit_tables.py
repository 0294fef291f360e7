"""Tables that auditors ask and that no index holds: made at each query that names them, from what the store holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from wisedb.errors import UnknownRevision
from wisedb.signing.ssh import fingerprint
from wisedb.signing.verdict import SSH, format_of
from wisedb.store.facts import since_in_force
from wisedb.store.index.session import Session
from wisedb.store.refnames import HEAD

if TYPE_CHECKING:
    from wisedb.store.queries import Source

Rows = list[tuple[Any, ...]]

TABLES: Final[Mapping[str, str]] = {
    "internal.since": "CREATE TABLE internal.since (edit VARCHAR, commit VARCHAR)",
    "reflog": """CREATE TABLE reflog (
        ref VARCHAR, position INTEGER, before VARCHAR, after VARCHAR, date TIMESTAMP, who VARCHAR, action VARCHAR)""",
    "signatures": """CREATE TABLE signatures (
        object VARCHAR, kind VARCHAR, commit VARCHAR, format VARCHAR, key VARCHAR, who VARCHAR, date TIMESTAMP)""",
}
"""Table → the statement that makes it."""


def audit_tables(session: Session, store: Source, asked: str) -> dict[str, Rows]:
    """The rows of each of :data:`TABLES`, none of those that a query doesn't name.

    Args:
        session: the index.
        store: the store.
        asked: the query, in small letters.

    Raises:
        MissingObject, CorruptObject: the history or a log is damaged.
    """
    return {
        "internal.since": _since(session, store) if "facts_in_force" in asked else [],
        "reflog": _reflog(store) if "reflog" in asked else [],
        "signatures": _signatures(session, store) if "signatures" in asked else [],
    }


def _since(session: Session, store: Source) -> Rows:
    try:
        head = store.resolve(HEAD)
    except UnknownRevision:
        return []
    return since_in_force(session, session.number(head))


def _reflog(store: Source) -> Rows:
    return [
        (ref, position, move.from_, move.to, _plain(move.date), move.who, move.action)
        for ref in store.refs.logs.names()
        for position, move in enumerate(store.refs.reflog(ref))
    ]


def _signatures(session: Session, store: Source) -> Rows:
    found: Rows = []
    for (commit_id,) in session.rows("SELECT id FROM seen_commits ORDER BY number"):
        commit = store.objects.commit(commit_id)
        if commit.signature is not None:
            how = _format_and_key(commit.signature)
            found.append((commit_id, "commit", commit_id, *how, commit.author, _plain(commit.date)))
    for name, commit_id in store.refs.tags().items():
        note = store.tag_notes.read(name)
        if note is not None and note.signature is not None:
            how = _format_and_key(note.signature)
            found.append((f"refs/tags/{name}", "tag", commit_id, *how, note.tagger, _plain(note.date)))
    return found


def _format_and_key(signature: str) -> Iterable[str | None]:
    format = format_of(signature)
    return format, fingerprint(signature) if format == SSH else None


def _plain(date: str) -> str:
    """A date in UTC as a timestamp without a zone takes it."""
    return date.removesuffix("Z").removesuffix("+00:00")
