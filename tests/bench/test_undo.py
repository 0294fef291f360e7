"""An edit is reverted to see what that takes, and all is as it was."""

from __future__ import annotations

import random

from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.bench.undo import undo
from wisedb.repository import Repository
from wisedb.serving.store_base import load_base_of

STREAM = (AUSTRALIA, HAMLET, SUM)


def test_the_branch_stands_where_it_stood(history: Repository) -> None:
    store = history.store
    base, tip = load_base_of(store), store.resolve("HEAD")
    found = undo(store, base, tip, STREAM, 0, "Ada")
    assert (found.restored, found.kept) == (True, 1.0) and found.seconds > 0
    assert store.resolve("HEAD") == tip and len(history.facts()) == 3
    assert "reset: moving to" in history.reflog()[0].action


def test_what_the_seed_chooses_is_reverted_at_an_older_commit_too(history: Repository) -> None:
    store = history.store
    base, tip, older = load_base_of(store), store.resolve("HEAD"), store.resolve("HEAD~1")
    stream = history.facts(older)
    found = undo(store, base, older, stream, 5, "Ada")
    assert found.restored and store.resolve("HEAD") == tip
    chosen = stream[random.Random(5).randrange(len(stream))]
    (moved,) = [entry for entry in history.reflog()[:3] if "revert" in entry.action.lower()]
    left = {edit.id for edit in history.facts(moved.to or "")}
    assert left == {edit.id for edit in stream} - {chosen.id}
