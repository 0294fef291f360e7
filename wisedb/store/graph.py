"""Walks over the history. Nothing recurses, and nothing is read before it is needed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Protocol

from wisedb.store.commits import Commit


class CommitSource(Protocol):
    """Where commits come from."""

    def commit(self, commit_id: str) -> Commit:
        """The commit of that id, checked."""
        ...


def ancestors(source: CommitSource, *starts: str) -> Iterator[tuple[str, Commit]]:
    """``starts`` and all that they descend from, newest first, and never a parent before its child.

    On a straight line each step reads one commit. Where lines run side by side, they are read as far as the commit that
    they all come from; then the newest one goes first of those whose children have all been told, the smaller id first
    of equally old ones. (A commit dated before its own parents can come late, and behind such a one on a merged line
    the order is that of the dates.)

    Raises:
        MissingObject, CorruptObject: a commit can't be read.
    """
    frontier = {start: source.commit(start) for start in starts}
    told: set[str] = set()
    while frontier:
        if len(frontier) == 1:
            # Told before its parents are read: damage further back must not hide what is in front of it.
            commit_id, commit = frontier.popitem()
            told.add(commit_id)
            yield commit_id, commit
            frontier = {parent: source.commit(parent) for parent in commit.parents if parent not in told}
        else:
            region, frontier = _region(source, frontier, told)
            told.update(region)
            yield from _by_date(region)


def is_ancestor(source: CommitSource, older: str, newer: str) -> bool:
    """Whether ``newer`` descends from ``older`` or is the same commit.

    Raises:
        MissingObject, CorruptObject: a commit can't be read.
    """
    return older in merge_bases(source, older, newer)


def merge_base(source: CommitSource, one: str, other: str) -> str | None:
    """The best common ancestor, of several (a criss-cross) the first of :func:`merge_bases`, ``None`` without one.

    Raises:
        MissingObject, CorruptObject: a commit can't be read.
    """
    return next(iter(merge_bases(source, one, other)), None)


def merge_bases(source: CommitSource, one: str, other: str) -> list[str]:
    """The common ancestors that no other common ancestor descends from: newest first, then by id.

    Raises:
        MissingObject, CorruptObject: a commit can't be read.
    """
    if one == other:
        return [one]
    lines = _Lines(source)
    found = _paint(lines, one, other)
    if len(found) > 1:
        # Equal or skewed dates can leave one that another descends from.
        found = [base for base in found if not any(_reaches(lines, rival, base) for rival in found if rival != base)]
    return sorted(found, key=lambda base: (-lines.date(base), base))


class _Lines:
    """What the shape of a history needs of its commits, each read once."""

    def __init__(self, source: CommitSource) -> None:
        self._source = source
        self._known: dict[str, tuple[tuple[str, ...], float]] = {}

    def parents(self, commit_id: str) -> tuple[str, ...]:
        return self._read(commit_id)[0]

    def date(self, commit_id: str) -> float:
        return self._read(commit_id)[1]

    def _read(self, commit_id: str) -> tuple[tuple[str, ...], float]:
        if commit_id not in self._known:
            commit = self._source.commit(commit_id)
            self._known[commit_id] = commit.parents, commit.when.timestamp()
        return self._known[commit_id]


_ONE, _OTHER, _STALE = 1, 2, 4


def _paint(lines: _Lines, one: str, other: str) -> list[str]:
    """Colour what each side reaches, newest first, until only ancestors of common ancestors are left (as git does)."""
    colours = {one: _ONE, other: _OTHER}
    queue: list[tuple[float, str]] = []
    live: set[str] = set()  # queued and not stale: the search goes on while there are any

    def push(commit_id: str) -> None:
        heapq.heappush(queue, (-lines.date(commit_id), commit_id))
        if colours[commit_id] & _STALE:
            live.discard(commit_id)
        else:
            live.add(commit_id)

    push(one)
    push(other)
    common: list[str] = []
    while live:
        _, commit_id = heapq.heappop(queue)
        live.discard(commit_id)
        colour = colours[commit_id]
        if colour == _ONE | _OTHER:
            if commit_id not in common:
                common.append(commit_id)
            colour |= _STALE
        for parent in lines.parents(commit_id):
            before = colours.get(parent, 0)
            if before | colour != before:
                colours[parent] = before | colour
                push(parent)
    return [commit_id for commit_id in common if not colours[commit_id] & _STALE]


def _reaches(lines: _Lines, start: str, wanted: str) -> bool:
    seen, stack = {start}, [start]
    while stack:
        commit_id = stack.pop()
        if commit_id == wanted:
            return True
        fresh = [parent for parent in lines.parents(commit_id) if parent not in seen]
        seen.update(fresh)
        stack.extend(fresh)
    return False


def _region(
    source: CommitSource, frontier: dict[str, Commit], told: set[str]
) -> tuple[dict[str, Commit], dict[str, Commit]]:
    """What lies between ``frontier`` and the one commit that all of it comes from, and that commit."""
    queue = [(-commit.when.timestamp(), commit_id) for commit_id, commit in frontier.items()]
    heapq.heapify(queue)
    known = dict(frontier)
    region: dict[str, Commit] = {}
    oldest = float("inf")
    while queue:
        negative, commit_id = heapq.heappop(queue)
        commit = known[commit_id]
        if not queue and oldest > -negative:
            return region, {commit_id: commit}
        region[commit_id] = commit
        oldest = min(oldest, -negative)
        for parent in commit.parents:
            if parent not in known and parent not in told:
                known[parent] = source.commit(parent)
                heapq.heappush(queue, (-known[parent].when.timestamp(), parent))
    return region, {}


def _by_date(region: dict[str, Commit]) -> Iterator[tuple[str, Commit]]:
    children = dict.fromkeys(region, 0)
    for commit in region.values():
        for parent in commit.parents:
            if parent in children:
                children[parent] += 1
    ready = [(-commit.when.timestamp(), commit_id) for commit_id, commit in region.items() if not children[commit_id]]
    heapq.heapify(ready)
    while ready:
        _, commit_id = heapq.heappop(ready)
        yield commit_id, region[commit_id]
        for parent in region[commit_id].parents:
            if parent in children:
                children[parent] -= 1
                if not children[parent]:
                    heapq.heappush(ready, (-region[parent].when.timestamp(), parent))
