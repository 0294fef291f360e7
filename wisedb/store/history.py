"""Questions about the history, each right on any branch and at a detached HEAD.

All but :func:`log` go through the index, which catches up, repairs or bypasses itself; they load DuckDB when they are
called and not before. :func:`log` reads the commits themselves, as few as it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from wisedb.errors import UnknownRevision
from wisedb.store.blame import Blame, blame
from wisedb.store.commits import Commit
from wisedb.store.dates import when
from wisedb.store.facts import FactDiff, diff, facts, facts_as
from wisedb.store.graph import ancestors
from wisedb.store.queries import Source
from wisedb.store.rows import BRIEF, BRIEF_SINCE, CSV, CSV_COLUMNS, EDITS, JSON, JSON_SINCE, RowFormat
from wisedb.store.search import edit, edits_about, edits_of, edits_with_key, search, search_as
from wisedb.store.sql import sql

__all__ = [
    "BRIEF",
    "BRIEF_SINCE",
    "CSV",
    "CSV_COLUMNS",
    "EDITS",
    "JSON",
    "JSON_SINCE",
    "Blame",
    "FactDiff",
    "RowFormat",
    "at_time",
    "blame",
    "diff",
    "edit",
    "edits_about",
    "edits_of",
    "edits_with_key",
    "facts",
    "facts_as",
    "log",
    "search",
    "search_as",
    "sql",
]


def log(store: Source, rev: str = "HEAD", n: int | None = None) -> list[tuple[str, Commit, Mapping[str, Any]]]:
    """(id, commit, scores by name) of a revision and all that it descends from, newest first, at most ``n``.

    Raises:
        UnknownRevision, AmbiguousId: ``rev`` names no commit, or several.
        MissingObject, CorruptObject: a commit or its scores are damaged.
    """
    found = islice(ancestors(store.objects, store.resolve(rev)), n)
    return [(commit_id, commit, store.scores.get(commit_id)) for commit_id, commit in found]


def at_time(store: Source, rev: str, when_or_rev: str) -> str:
    """The id of the commit that a branch was at some time ago; or a revision, where that is what is named.

    The line of first parents is followed: what a merge brought wasn't there before the merge.

    Args:
        store: the store.
        rev: whose history.
        when_or_rev: a revision, or a moment as :func:`wisedb.store.dates.when` takes it, a day to its end.

    Raises:
        UnknownRevision: the history began later, or ``rev`` names no commit.
        UsageError: it is neither a revision nor a date.
    """
    try:
        return store.resolve(when_or_rev)
    except UnknownRevision:
        moment = when(when_or_rev, ends=True)
    following: str | None = store.resolve(rev)
    while following is not None:
        commit = store.objects.commit(following)
        if commit.when <= moment:
            return following
        following = commit.parents[0] if commit.parents else None
    raise UnknownRevision(
        f"the history of '{rev}' begins later than {moment.isoformat(timespec='seconds')}",
        hint="`wisedb log` lists the commits with their dates.",
    )
