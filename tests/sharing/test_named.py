"""Remotes by name, in the configuration and in the refs that remember them."""

from __future__ import annotations

from pathlib import Path

import pytest

from wisedb.errors import UnknownRemote, UsageError
from wisedb.sharing.named import ORIGIN, add_remote, find_target, remove_remote, track
from wisedb.sharing.transfer import RefChange
from wisedb.store.store import Store


def test_they_are_kept_in_one_form(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert add_remote(store, ORIGIN, "./pack") == {ORIGIN: str(tmp_path / "pack")}
    add_remote(store, "hub", "ada/geography")
    again = Store.open(store.root)
    assert dict(again.config.remotes) == {ORIGIN: str(tmp_path / "pack"), "hub": "hf://ada/geography"}
    assert again.config.base == store.config.base and again.config.editor == store.config.editor
    assert remove_remote(again, ORIGIN) == {"hub": "hf://ada/geography"}
    assert Store.open(store.root).config.remotes == {"hub": "hf://ada/geography"}


def test_two_that_add_at_once(store: Store) -> None:
    other = Store.open(store.root)
    add_remote(store, "a", "/a")
    add_remote(other, "b", "/b")
    assert dict(Store.open(store.root).config.remotes) == {"a": "/a", "b": "/b"}


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "-x", "a b", "a\n", "x.lock", "a..b", "ä"])
def test_names_that_are_none(store: Store, name: str) -> None:
    with pytest.raises(UsageError):
        add_remote(store, name, "/a")
    assert store.config.remotes == {}


def test_what_is_refused_changes_nothing(store: Store) -> None:
    add_remote(store, "a", "/a")
    with pytest.raises(UsageError, match="already"):
        add_remote(store, "a", "/b")
    with pytest.raises(UsageError):
        add_remote(store, "b", "s3://key:hunter2@bucket/x")
    with pytest.raises(UnknownRemote):
        remove_remote(store, "b")
    assert b"hunter2" not in b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    assert dict(store.config.remotes) == {"a": "/a"}


def test_what_a_word_means(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no remote yet"):
        find_target(store, None)
    add_remote(store, "backup", str(tmp_path / "pack"))
    assert find_target(store, None).name == "backup", "the only one"
    add_remote(store, "other", "/other")
    with pytest.raises(UsageError) as caught:
        find_target(store, None)
    assert "backup, other" in caught.value.hint
    add_remote(store, ORIGIN, "/origin")
    assert (find_target(store, None).name, find_target(store, None).remote.url) == (ORIGIN, "/origin")
    assert find_target(store, "other").tracked == "other"
    known = find_target(store, str(tmp_path / "pack"))
    assert (known.name, known.tracked) == (str(tmp_path / "pack"), "backup")
    assert find_target(store, "/nowhere").tracked is None
    with pytest.raises(UnknownRemote) as unknown:
        find_target(store, "orign")
    assert "origin" in unknown.value.hint


def test_what_was_there_is_remembered(store: Store) -> None:
    head, tip = store.head_commit()
    changes = track(store, "origin", {"a": head, "b/c": head}, "fetch")
    assert changes == [
        RefChange("refs/remotes/origin/a", None, head),
        RefChange("refs/remotes/origin/b/c", None, head),
    ]
    assert track(store, "origin", {"a": head}, "fetch") == []
    assert store.resolve("origin/b/c~1") == tip.parents[0] and store.resolve("remotes/origin/a") == head
    assert store.resolve("origin/a@{0}") == head
    assert ("origin/a", "remote", head) in store.index.refs()
    # A folder's name that is free again.
    assert len(track(store, "origin", {"a": None, "a/d": head}, "fetch")) == 2
    add_remote(store, "origin", "/x")
    remove_remote(store, "origin")
    assert store.refs.names("refs/remotes/") == []
    assert store.head_commit()[0] == head
