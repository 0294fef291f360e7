"""Walks over histories of any shape, checked against what one would do by hand."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.conftest import Kit
from wisedb.errors import MissingObject
from wisedb.store.commits import Commit
from wisedb.store.graph import ancestors, is_ancestor, merge_base, merge_bases


class Shelf:
    """Commits in memory, and how many were read."""

    def __init__(self) -> None:
        self.commits: dict[str, Commit] = {}
        self.read: set[str] = set()

    def add(self, *parents: str, minute: int = 0, name: str = "") -> str:
        commit = Kit().commit(*parents, minute=minute, message=name or str(len(self.commits)))
        self.commits[commit.id] = commit
        return commit.id

    def commit(self, commit_id: str) -> Commit:
        self.read.add(commit_id)
        if commit_id not in self.commits:
            raise MissingObject(commit_id)
        return self.commits[commit_id]


def reached(commits: Mapping[str, Commit], start: str) -> set[str]:
    seen, stack = {start}, [start]
    while stack:
        fresh = [parent for parent in commits[stack.pop()].parents if parent not in seen]
        seen.update(fresh)
        stack.extend(fresh)
    return seen


@st.composite
def histories(draw: st.DrawFn) -> tuple[Shelf, list[str]]:
    """Up to 14 commits, each with up to three parents among the earlier ones; dates may stand still."""
    shelf, ids, minutes = Shelf(), list[str](), list[int]()
    for number in range(draw(st.integers(1, 14))):
        count = min(number, draw(st.integers(0, 3)))
        places = (
            draw(st.lists(st.integers(0, number - 1), min_size=count, max_size=count, unique=True)) if count else []
        )
        minute = max([minutes[place] for place in places], default=0) + draw(st.integers(0, 2))
        minutes.append(minute)
        ids.append(shelf.add(*(ids[place] for place in places), minute=minute))
    return shelf, ids


@settings(deadline=None)
@given(histories())
def test_all_ancestors_once_and_children_first(history: tuple[Shelf, list[str]]) -> None:
    shelf, ids = history
    told = [commit_id for commit_id, _ in ancestors(shelf, ids[-1])]
    assert len(told) == len(set(told)) and set(told) == reached(shelf.commits, ids[-1])
    place = {commit_id: number for number, commit_id in enumerate(told)}
    for commit_id in told:
        assert all(place[commit_id] < place[parent] for parent in shelf.commits[commit_id].parents)


@settings(deadline=None)
@given(histories())
def test_newest_first(history: tuple[Shelf, list[str]]) -> None:
    # No child is older than its parent here, so that the dates alone never rise.
    shelf, ids = history
    dates = [commit.when for _, commit in ancestors(shelf, ids[-1])]
    assert all(newer >= older for newer, older in pairwise(dates))


@settings(deadline=None)
@given(histories(), st.data())
def test_merge_bases(history: tuple[Shelf, list[str]], data: st.DataObject) -> None:
    shelf, ids = history
    one, other = data.draw(st.sampled_from(ids)), data.draw(st.sampled_from(ids))
    common = reached(shelf.commits, one) & reached(shelf.commits, other)
    best = {base for base in common if not any(base in reached(shelf.commits, rival) - {rival} for rival in common)}
    assert set(merge_bases(shelf, one, other)) == best
    assert merge_bases(shelf, one, other) == merge_bases(shelf, other, one)
    assert merge_base(shelf, one, other) == (merge_bases(shelf, one, other)[0] if best else None)
    assert is_ancestor(shelf, one, other) == (one in reached(shelf.commits, other))


@settings(deadline=None)
@given(st.data())
def test_clocks_that_go_wrong_lose_and_repeat_nothing(data: st.DataObject) -> None:
    shelf, ids = Shelf(), list[str]()
    for number in range(data.draw(st.integers(1, 10))):
        parents = data.draw(st.sets(st.sampled_from(ids), max_size=2)) if ids else set()
        ids.append(shelf.add(*sorted(parents), minute=data.draw(st.integers(0, 20)), name=str(number)))
    told = [commit_id for commit_id, _ in ancestors(shelf, ids[-1])]
    assert sorted(told) == sorted(reached(shelf.commits, ids[-1]))
    one, other = ids[-1], data.draw(st.sampled_from(ids))
    common = reached(shelf.commits, one) & reached(shelf.commits, other)
    best = {base for base in common if not any(base in reached(shelf.commits, rival) - {rival} for rival in common)}
    assert set(merge_bases(shelf, one, other)) == best


def line(shelf: Shelf, length: int, *start: str, minute: int = 0) -> list[str]:
    ids: list[str] = []
    for number in range(length):
        ids.append(shelf.add(*(ids[-1:] or start), minute=minute + number))
    return ids


def test_a_long_history_is_read_as_far_as_asked() -> None:
    shelf = Shelf()
    ids = line(shelf, 3000)
    walk = ancestors(shelf, ids[-1])
    assert [next(walk)[0] for _ in range(20)] == ids[:-21:-1]
    assert len(shelf.read) <= 21
    assert sum(1 for _ in walk) == 2980
    assert merge_base(shelf, ids[0], ids[-1]) == ids[0]


def test_a_merge_is_read_as_far_as_where_it_forked() -> None:
    shelf = Shelf()
    trunk = line(shelf, 500)
    left, right = line(shelf, 3, trunk[-1], minute=500), line(shelf, 4, trunk[-1], minute=501)
    tip = shelf.add(left[-1], right[-1], minute=600)
    walk = [commit_id for commit_id, _ in zip((c for c, _ in ancestors(shelf, tip)), range(10), strict=False)]
    assert walk[0] == tip and set(walk[1:8]) == {*left, *right} and walk[8:] == [trunk[-1], trunk[-2]]
    assert len(shelf.read) <= 12


def test_a_criss_cross_has_two_bases_in_a_stable_order() -> None:
    shelf = Shelf()
    root = shelf.add()
    one, other = shelf.add(root, minute=1, name="one"), shelf.add(root, minute=2, name="other")
    left, right = shelf.add(one, other, minute=3, name="l"), shelf.add(other, one, minute=3, name="r")
    assert merge_bases(shelf, left, right) == merge_bases(shelf, right, left) == [other, one]
    assert merge_base(shelf, left, right) == other


def test_histories_without_a_common_root() -> None:
    shelf = Shelf()
    one, other = shelf.add(name="one"), shelf.add(name="other")
    assert merge_base(shelf, one, other) is None and not is_ancestor(shelf, one, other)


def test_a_commit_that_is_not_there_is_said() -> None:
    shelf = Shelf()
    tip = shelf.add("a" * 64)
    walk = ancestors(shelf, tip)
    assert next(walk)[0] == tip
    with pytest.raises(MissingObject):
        next(walk)
