"""The history, commit by commit, and what is looked for in it. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from wisedb.errors import UsageError
from wisedb.store.ranges import Range, read_range, walk

if TYPE_CHECKING:
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of history.

    Attributes:
        commit: its id.
        record: the commit itself.
        scores: what was measured of it, at the commit and later.
    """

    commit: str
    record: Commit
    scores: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb log --json`` prints it."""
        return {
            "commit": self.commit,
            "parents": list(self.record.parents),
            "author": self.record.author,
            "date": self.record.date,
            "message": self.record.message,
            "edits_added": len(self.record.added),
            "edits_reverted": len(self.record.reverted),
            "scores": dict(self.scores),
        }


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which commits are told. What is empty or ``None`` excludes none; of several patterns one must be found.

    Attributes:
        authors: regular expressions, looked for in the author.
        messages: regular expressions, looked for in the message.
        ignore_case: for both.
        since: not before.
        until: not after.
        subjects: only commits that changed a fact about one of these things; see
            :func:`wisedb.store.search.edits_about`.
        merges: only merges, or none of them.
    """

    authors: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    ignore_case: bool = False
    since: datetime | None = None
    until: datetime | None = None
    subjects: tuple[str, ...] = ()
    merges: bool | None = None


def log(
    store: Store,
    revs: str | Sequence[str] = "HEAD",
    n: int | None = None,
    wanted: LogFilter | None = None,
    *,
    every_ref: bool = False,
) -> list[LogEntry]:
    """A part of the history, newest first, at most ``n`` commits.

    Args:
        store: the store.
        revs: revisions and ranges, as :mod:`wisedb.store.ranges` has them.
        n: how many; all by default.
        wanted: which of them.
        every_ref: what any branch or tag leads to, too.

    Raises:
        UnknownRevision: no such commit.
        UsageError: a pattern is no regular expression.
    """
    part = read_range(store, [revs] if isinstance(revs, str) else list(revs))
    if every_ref:
        part = Range(tuple(dict.fromkeys([*part.tips, *(commit for _, commit in store.refs.items())])), part.without)
    found = walk(store.objects, part)
    return [
        LogEntry(commit_id, commit, {**(commit.scores or {}), **store.scores.get(commit_id)})
        for commit_id, commit in islice(found if wanted is None else _chosen(store, found, wanted), n)
    ]


def _chosen(store: Store, found: Iterable[tuple[str, Commit]], wanted: LogFilter) -> Iterator[tuple[str, Commit]]:
    authors = _patterns(wanted.authors, wanted.ignore_case)
    messages = _patterns(wanted.messages, wanted.ignore_case)
    about = None
    if wanted.subjects:
        # Here, so that a plain log loads no index.
        from wisedb.store.search import edits_about

        about = frozenset(edits_about(store, wanted.subjects))
    for commit_id, commit in found:
        if (
            _fits(authors, commit.author)
            and _fits(messages, commit.message)
            and (wanted.since is None or commit.when >= wanted.since)
            and (wanted.until is None or commit.when <= wanted.until)
            and (wanted.merges is None or wanted.merges == (len(commit.parents) > 1))
            and (about is None or not about.isdisjoint([*commit.added, *commit.reverted]))
        ):
            yield commit_id, commit


def _patterns(texts: Iterable[str], ignore_case: bool) -> list[re.Pattern[str]]:
    found = []
    for text in texts:
        try:
            found.append(re.compile(text, re.IGNORECASE | re.MULTILINE if ignore_case else re.MULTILINE))
        except re.error as error:
            raise UsageError(
                f"'{text}' is no regular expression: {error}", hint="Put a backslash before ( ) [ ] { } . * + ? | ^ $."
            ) from error
    return found


def _fits(patterns: Sequence[re.Pattern[str]], text: str) -> bool:
    return not patterns or any(pattern.search(text) for pattern in patterns)
