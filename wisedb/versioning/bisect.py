"""Bisect: find the commit with which something began to be wrong, by asking about as few as can be. No torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from wisedb.canonical import canonical_json
from wisedb.errors import CorruptObject, UsageError
from wisedb.store.graph import is_ancestor
from wisedb.store.ranges import Range, walk
from wisedb.versioning.head import checkout

if TYPE_CHECKING:
    from wisedb.store.store import Store

_FILE: Final = "bisect.json"

GOOD: Final = "good"
BAD: Final = "bad"
SKIP: Final = "skip"
VERDICTS: Final = (GOOD, BAD, SKIP)


@dataclass(frozen=True, slots=True)
class Bisection:
    """How far a search is.

    Attributes:
        start: the branch or commit that HEAD was on when it began.
        bad: a commit at which it is wrong, ``None`` before one is named.
        good: commits at which it is right.
        skipped: commits that can't be told.
        told: each verdict in its order, as ``good <id>``.
        testing: the commit that is asked about, where HEAD is now; ``None`` while ends are missing, and at the end.
        suspects: the commits with one of which it began, newest first: one where it is found, several where only
            skipped ones are left; empty before.
        left: how many commits may still be the first bad one.
    """

    start: str
    bad: str | None = None
    good: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    testing: str | None = None
    suspects: tuple[str, ...] = ()
    left: int = 0

    @property
    def first_bad(self) -> str | None:
        """The commit with which it began, once it is found."""
        return self.suspects[0] if len(self.suspects) == 1 else None

    def to_json(self) -> dict[str, Any]:
        """All fields, and ``first_bad``."""
        return {**json.loads(json.dumps(asdict(self))), "first_bad": self.first_bad}


def begin(store: Store, bad: str | None = None, good: Iterable[str] = ()) -> Bisection:
    """Begin a search, and move HEAD to the first commit to ask about if both ends are named.

    Raises:
        UsageError: one is under way, or a good commit is no ancestor of the bad one.
        UnknownRevision: there is no such commit.
    """
    if read(store) is not None:
        raise UsageError("a bisect is under way", hint="`wisedb bisect reset` ends it.")
    head = store.refs.head()
    state = Bisection(head.branch or str(head.commit))
    marks = [(BAD, store.resolve(bad))] if bad is not None else []
    marks += [(GOOD, store.resolve(rev)) for rev in good]
    return _go_on(store, _marked(state, marks))


def mark(store: Store, verdict: str, revs: Sequence[str] = ()) -> Bisection:
    """Say how commits are (HEAD by default), and move HEAD to the next one to ask about.

    Args:
        store: the store.
        verdict: ``good``, ``bad`` or ``skip``.
        revs: which commits.

    Raises:
        UsageError: no search is under way, or a good commit is no ancestor of the bad one.
        UnknownRevision: there is no such commit.
    """
    if verdict not in VERDICTS:
        raise UsageError(f"there is no verdict '{verdict}'", hint=f"Choose from {', '.join(VERDICTS)}.")
    state = under_way(store)
    return _go_on(store, _marked(state, [(verdict, store.resolve(rev)) for rev in revs or ("HEAD",)]))


def end(store: Store, rev: str | None = None) -> str:
    """End the search and move HEAD back to where it was, or to ``rev``; says where.

    Raises:
        UsageError: no search is under way.
        UnknownRevision: that branch is gone; the search is still under way.
    """
    goal = rev or under_way(store).start
    checkout(store, goal)
    with store.lock.hold("bisect"):
        store.disk.remove(store.root / _FILE)
    return goal


def under_way(store: Store) -> Bisection:
    """The search that is under way.

    Raises:
        UsageError: none is.
    """
    state = read(store)
    if state is None:
        raise UsageError("no bisect is under way", hint="`wisedb bisect start BAD GOOD` begins one.")
    return state


def read(store: Store) -> Bisection | None:
    """The search that is under way, ``None`` where none is.

    Raises:
        CorruptObject: its file is damaged.
    """
    data = store.disk.read_if_there(store.root / _FILE)
    if data is None:
        return None
    try:
        record: Mapping[str, Any] = json.loads(data)
        lists = {name: tuple(record[name]) for name in ("good", "skipped", "told", "suspects")}
        texts = [
            record["start"],
            record["bad"] or "",
            record["testing"] or "",
            *(each for some in lists.values() for each in some),
        ]
        if not all(type(text) is str for text in texts):
            raise TypeError("a field is no text")
        state = Bisection(record["start"], record["bad"], testing=record["testing"], left=int(record["left"]), **lists)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise CorruptObject(
            f"the state of the bisect is damaged: {error}", hint=f"Delete {store.root / _FILE}; nothing else is lost."
        ) from error
    return state


def _marked(state: Bisection, marks: Iterable[tuple[str, str]]) -> Bisection:
    for verdict, commit in marks:
        told = (*state.told, f"{verdict} {commit}")
        if verdict == BAD:
            state = replace(state, bad=commit, told=told)
        elif verdict == GOOD:
            state = replace(state, good=(*state.good, commit), told=told)
        else:
            state = replace(state, skipped=(*state.skipped, commit), told=told)
    return state


def _go_on(store: Store, state: Bisection) -> Bisection:
    if state.bad is not None:
        for commit in state.good:
            if not is_ancestor(store.objects, commit, state.bad) or commit == state.bad:
                raise UsageError(
                    f"{commit[:12]} is good, and {state.bad[:12]}, which is bad, doesn't come from it",
                    hint="A good commit lies before the bad one; `wisedb bisect reset` ends the search.",
                )
    following = _next(store, state)
    with store.lock.hold("bisect"):
        store.disk.write(store.root / _FILE, canonical_json(asdict(following)) + b"\n")
    if following.testing is not None:
        checkout(store, following.testing)
    return following


def _next(store: Store, state: Bisection) -> Bisection:
    if state.bad is None or not state.good:
        return replace(state, testing=None, suspects=(), left=0)
    part = dict(walk(store.objects, Range((state.bad,), state.good)))
    # How many of them each comes from, itself included: sets of bits, filled from the oldest on.
    bits = {commit: 1 << place for place, commit in enumerate(part)}
    reached: dict[str, int] = {}
    for commit, record in reversed(part.items()):
        reached[commit] = bits[commit]
        for parent in record.parents:
            reached[commit] |= reached.get(parent, 0)
    halves = {commit: min(count, len(part) - count) for commit, mask in reached.items() if (count := mask.bit_count())}
    open_ = [commit for commit in part if commit != state.bad and commit not in state.skipped]
    if not open_:
        return replace(state, testing=None, suspects=tuple(part), left=len(part))
    best = max(open_, key=lambda commit: halves[commit])
    return replace(state, testing=best, suspects=(), left=len(part))
