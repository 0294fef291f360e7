"""Questions about the history, each right on any branch and at a detached HEAD.

All but :func:`log` go through the index, which catches up, repairs or bypasses itself; they load DuckDB when they are
called and not before. :func:`log` reads the commits themselves, as few as it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from wisedb.store.blame import Blame, blame
from wisedb.store.commits import Commit
from wisedb.store.facts import FactDiff, diff, facts, facts_as
from wisedb.store.graph import ancestors
from wisedb.store.queries import Source
from wisedb.store.rows import BRIEF, EDITS, JSON, RowFormat
from wisedb.store.search import edit, edits_of, search, search_as
from wisedb.store.sql import sql

__all__ = [
    "BRIEF",
    "EDITS",
    "JSON",
    "Blame",
    "FactDiff",
    "RowFormat",
    "blame",
    "diff",
    "edit",
    "edits_of",
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
