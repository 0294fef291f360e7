"""Refs move by compare-and-swap, and every move is in the log."""

from __future__ import annotations

import pytest

from wisedb.errors import CorruptObject, InvalidRefName, RefExists, RefMoved, StoreBusy, UnknownRevision
from wisedb.store.loose_refs import Head
from wisedb.store.store import Store

A, B, C = (letter * 64 for letter in "abc")


def test_head_and_branches_after_init(store: Store) -> None:
    tip, _ = store.head_commit()
    assert store.refs.head() == Head("main", tip)
    assert store.refs.head().ref == "refs/heads/main"
    assert store.refs.branches() == {"main": tip} and store.refs.tags() == {}
    assert [(move.ref, move.from_, move.to, move.action) for move in store.refs.reflog()] == [
        ("HEAD", None, tip, "init")
    ]


def test_compare_and_swap(store: Store) -> None:
    tip, _ = store.head_commit()
    with pytest.raises(RefMoved, match=r"branch 'main' moved.*aaaaaaaaaaaa.*" + tip[:12]) as caught:
        store.refs.update("refs/heads/main", A, B, "commit")
    assert caught.value.hint and store.refs.read("refs/heads/main") == tip
    with pytest.raises(RefMoved):
        store.refs.update("refs/heads/main", None, B, "commit")
    with pytest.raises(RefMoved):
        store.refs.update("refs/heads/other", A, B, "commit")
    assert len(store.refs.reflog("refs/heads/main")) == 1
    store.refs.update("refs/heads/main", tip, B, "commit:\n many   lines")
    move = store.refs.reflog("refs/heads/main")[0]
    assert (move.from_, move.to, move.action) == (tip, B, "commit: many lines")
    assert store.refs.reflog()[0].to == B


def test_head_attached_and_detached(store: Store) -> None:
    tip, _ = store.head_commit()
    store.refs.create("refs/heads/topic", A, "branch")
    assert store.refs.reflog()[0].to == tip  # HEAD is on main: it didn't move
    assert store.refs.set_head("refs/heads/topic", "switch") == Head("topic", A)
    store.refs.update("HEAD", A, B, "commit")
    assert store.refs.branches() == {"main": tip, "topic": B}
    assert store.refs.set_head(C, "checkout") == Head(None, C)
    store.refs.update("HEAD", C, A, "commit")
    assert store.refs.head() == Head(None, A) and store.refs.head().ref == "HEAD"
    assert store.refs.branches() == {"main": tip, "topic": B}
    with pytest.raises(RefMoved, match="HEAD"):
        store.refs.update("HEAD", C, B, "commit")
    assert [(move.from_, move.to) for move in store.refs.reflog()] == [(C, A), (B, C), (A, B), (tip, A), (None, tip)]


def test_a_branch_that_head_is_not_on_leaves_heads_log_alone(store: Store) -> None:
    store.refs.create("refs/heads/topic", A, "branch")
    store.refs.update("refs/heads/topic", A, B, "commit")
    assert len(store.refs.reflog()) == 1
    assert [move.to for move in store.refs.reflog("refs/heads/topic")] == [B, A]


def test_create_and_delete(store: Store) -> None:
    store.refs.create("refs/tags/v1", A, "tag")
    with pytest.raises(RefExists, match="tag 'v1' exists"):
        store.refs.create("refs/tags/v1", B, "tag")
    assert store.refs.tags() == {"v1": A}
    assert store.refs.delete("refs/tags/v1", "tag: deleted") == A
    assert store.refs.tags() == {} and store.refs.read("refs/tags/v1") is None
    with pytest.raises(UnknownRevision, match="no tag 'v1'"):
        store.refs.delete("refs/tags/v1", "again")
    assert [(move.from_, move.to) for move in store.refs.reflog("refs/tags/v1")] == [(A, None), (None, A)]
    with pytest.raises(RefExists, match="HEAD is on"):
        store.refs.delete("refs/heads/main", "branch")
    with pytest.raises(UnknownRevision, match="no branch 'none'"):
        store.refs.set_head("refs/heads/none", "switch")
    with pytest.raises(InvalidRefName):
        store.refs.set_head("refs/tags/v1", "switch")


def test_folders_and_files_of_one_name(store: Store) -> None:
    refs = store.refs
    refs.create("refs/heads/a/b", A, "branch")
    with pytest.raises(RefExists):
        refs.create("refs/heads/a", A, "branch")
    with pytest.raises(RefExists, match="branch 'a/b' exists"):
        refs.create("refs/heads/a/b/c", A, "branch")
    assert refs.read("refs/heads/a") is None and refs.read("refs/heads/a/b/c") is None
    refs.delete("refs/heads/a/b", "branch")
    refs.create("refs/heads/a", B, "branch")
    assert refs.branches()["a"] == B
    refs.delete("refs/heads/a", "branch")
    refs.create("refs/heads/a/b", C, "branch")
    assert [move.to for move in refs.reflog("refs/heads/a/b")] == [C, None, A]


def test_a_damaged_head_can_be_attached_again(store: Store) -> None:
    (store.root / "HEAD").write_text("ref: refs/heads/mein\n")
    with pytest.raises(CorruptObject, match="mein"):
        store.head_commit()
    assert store.refs.set_head("refs/heads/main", "switch").branch == "main"
    (store.root / "HEAD").write_text("rubbish")
    assert store.refs.set_head("refs/heads/main", "switch").branch == "main"
    assert store.head_commit()


def test_a_ref_of_another_machine_being_written(store: Store) -> None:
    (store.root / "refs/heads/main.lock").write_text("some other machine")
    with pytest.raises(StoreBusy):
        store.refs.update("refs/heads/main", store.resolve("main"), A, "commit")
    assert store.refs.reflog("refs/heads/main")[0].action == "init"
