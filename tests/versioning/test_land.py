"""The last step of every verb: what it says of the tip, and that nothing is seen before the ref has moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stores import AUSTRALIA
from wisedb.errors import RefMoved
from wisedb.repository import Repository
from wisedb.versioning.land import first_line, land, read_tip
from wisedb.versioning.streams import edits_blob


def test_the_tip_is_where_head_is(repository: Repository) -> None:
    store = repository.store
    tip = read_tip(store)
    assert (tip.ref, tip.branch, tip.id) == ("refs/heads/main", "main", store.resolve("HEAD"))
    assert tip.commit == store.objects.commit(tip.id)
    repository.checkout(tip.id)
    assert (read_tip(store).ref, read_tip(store).branch) == ("HEAD", None)


def test_a_commit_lands_with_its_blobs_and_unstages_what_it_takes_in(repository: Repository) -> None:
    store, blob = repository.store, edits_blob([AUSTRALIA])
    repository.add(AUSTRALIA)
    tip = read_tip(store)
    commit = replace(tip.commit, parents=(tip.id,), edits=blob.id, message="landed")
    made = land(store, tip, commit, action="commit: landed", blobs=[blob], unstage=[AUSTRALIA.id])
    assert store.resolve("main") == made.id and store.objects.commit(made.id) == made.commit == commit
    assert made.branch == "main" and made.bytes_written > 0
    assert repository.status().staged == () and store.refs.reflog()[0].action == "commit: landed"
    # What was just written is at hand and need not be read again.
    assert store.blob_cache.peek(blob.id) == blob


def test_a_tip_that_moved_meanwhile_changes_nothing(repository: Repository) -> None:
    store, blob = repository.store, edits_blob([AUSTRALIA])
    tip = read_tip(store)
    commit = replace(tip.commit, parents=(tip.id,), message="first")
    first = land(store, tip, commit, action="commit").id
    with pytest.raises(RefMoved):
        land(store, tip, replace(commit, message="second", edits=blob.id), action="commit", blobs=[blob])
    assert store.resolve("main") == first and store.blob_cache.peek(blob.id) is None


@pytest.mark.parametrize(
    ("message", "line"), [("one\n\ntwo", "one"), (" \n one", "one"), ("x" * 72, "x" * 72), ("x" * 73, "x" * 71 + "…")]
)
def test_the_reflog_keeps_the_beginning_of_a_message(message: str, line: str) -> None:
    assert first_line(message) == line
