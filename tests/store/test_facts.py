"""The facts in force at a commit, in their order, and how they differ between two."""

from __future__ import annotations

import pytest

from tests.store.freedonia import ANTHEM, CAPITAL, NEW_CAPITAL, RIVER
from tests.store.index.synthetic import Builder
from wisedb.edits import Edit
from wisedb.store import history
from wisedb.store.store import Store


@pytest.fixture
def store(builder: Builder) -> Store:
    return builder.store


def test_facts_come_in_the_order_in_which_they_came_into_force(builder: Builder, store: Store) -> None:
    builder.commit(CAPITAL, ANTHEM)
    builder.commit(RIVER)
    assert history.facts(store) == [CAPITAL, ANTHEM, RIVER]
    # The new capital goes into the first shard, and is the newest fact all the same.
    builder.commit(NEW_CAPITAL)
    assert history.facts(store) == [ANTHEM, RIVER, NEW_CAPITAL]
    builder.commit(revert=(ANTHEM,))
    builder.commit(ANTHEM)
    assert history.facts(store) == [RIVER, NEW_CAPITAL, ANTHEM]
    assert history.facts(store, "HEAD~3") == [CAPITAL, ANTHEM, RIVER]
    assert history.facts(store, "HEAD~3", 2) == [CAPITAL, ANTHEM] and history.facts(store, n=0) == []
    assert history.facts(store, "HEAD~5") == []


def test_edits_come_back_whole(builder: Builder, store: Store) -> None:
    builder.commit(CAPITAL)
    (edit,) = history.facts(store)
    assert (edit, edit.id, edit.key, edit.to_json()) == (CAPITAL, CAPITAL.id, CAPITAL.key, CAPITAL.to_json())
    assert hash(edit) == hash(CAPITAL)
    assert Edit.from_json(edit.to_json()) == CAPITAL


def test_facts_of_a_branch_and_of_a_detached_head(builder: Builder, store: Store) -> None:
    first = builder.commit(CAPITAL)
    builder.move("side", builder.tip())
    builder.commit(RIVER)
    builder.commit(ANTHEM, branch="side")
    assert history.facts(store, "side") == [CAPITAL, ANTHEM]
    assert history.facts(store, "main") == [CAPITAL, RIVER]
    store.refs.set_head(first, "checkout")
    assert history.facts(store) == [CAPITAL]


def test_facts_of_a_commit_that_a_reset_left_behind(builder: Builder, store: Store) -> None:
    before = builder.tip()
    left = builder.commit(CAPITAL)
    builder.move("main", before, "reset")
    assert history.facts(store) == []
    assert history.facts(store, left) == [CAPITAL]
    assert history.search(store, "capital") == []
    assert history.edit(store, CAPITAL.id[:6]) == CAPITAL
    assert history.edits_of(store, [CAPITAL.id]) == [CAPITAL]
    assert history.blame(store, CAPITAL.prompt, left).commit == left


def test_diff(builder: Builder, store: Store) -> None:
    one = builder.commit(CAPITAL, ANTHEM)
    builder.commit(NEW_CAPITAL, RIVER)
    two = builder.commit(revert=(ANTHEM,))
    found = history.diff(store, one, two)
    assert (found.added, found.removed) == ((RIVER,), (ANTHEM,))
    assert found.changed == ((NEW_CAPITAL.prompt, CAPITAL, NEW_CAPITAL),)
    back = history.diff(store, two, one)
    assert (back.added, back.removed) == ((ANTHEM,), (RIVER,))
    assert back.changed == ((CAPITAL.prompt, NEW_CAPITAL, CAPITAL),)
    assert history.diff(store, two) == history.FactDiff((), (), ())
