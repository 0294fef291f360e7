"""What an annotated tag says travels with the tag."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sharing.conftest import Large
from tests.sharing.hub_pushes import Connect
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.manifest import Manifest
from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.push import push
from wisedb.store.store import Store
from wisedb.store.tag_notes import TagNote
from wisedb.versioning.refs import tag

V1 = PushOptions(tags=("v1",))

pytestmark = pytest.mark.usefixtures("plain_card")


def _note(store: Store) -> TagNote:
    note = store.tag_notes.read("v1")
    assert note is not None
    return note


def test_it_is_pushed_fetched_and_cloned(store: Store, target: RemoteTarget, bob: Store, tmp_path: Path) -> None:
    tag(store, "v1", note=("Ada", "The first release"))
    tag(store, "plain")
    push(store, target, PushOptions(all_tags=True))
    fetch(bob, target)
    carol = clone(target.remote.url, tmp_path / "carol").store
    for other in (bob, carol):
        assert other.tag_notes.read("v1") == _note(store) and other.tag_notes.read("plain") is None
        assert _note(other).message == "The first release" and _note(other).commit == other.refs.read("refs/tags/v1")
    # Whoever clones from a clone has it too, and a push of something else leaves it there.
    again = clone(str(carol.root.parent), tmp_path / "again").store
    assert again.tag_notes.read("v1") == _note(store)
    push(bob, RemoteTarget("origin", target.remote, "origin"), PushOptions(tags=("plain",), force=True))
    assert clone(target.remote.url, tmp_path / "last").store.tag_notes.read("v1") == _note(store)


def test_a_tag_that_moves_takes_no_old_note_along(
    store: Store, target: RemoteTarget, kit: Large, tmp_path: Path
) -> None:
    tag(store, "v1", note=("Ada", "The first release"))
    push(store, target, V1)
    there = target.remote.snapshot("refs/heads/main").manifest
    assert there is not None and set(there.notes) == {"refs/tags/v1"}
    kit.land(store, kit.edit(9), minute=9)
    tag(store, "v1", force=True)
    push(store, target, PushOptions(branches=("main",), tags=("v1",), force=True))
    there = target.remote.snapshot("refs/heads/main").manifest
    assert there is not None and not there.notes and "notes" not in there.to_json()
    assert clone(target.remote.url, tmp_path / "bob").store.tag_notes.read("v1") is None


def test_one_s_own_note_stays(store: Store, target: RemoteTarget, bob: Store) -> None:
    tag(store, "v1", note=("Ada", "The first release"))
    tag(bob, "v1", note=("Bob", "Mine"))
    push(store, target, V1)
    fetch(bob, target)
    assert _note(bob).message == "Mine"
    tag(bob, "v1", delete=True)
    tag(bob, "v1")
    fetch(bob, target)
    assert _note(bob) == _note(store)


def test_it_travels_over_the_hub(store: Store, connect: Connect, tmp_path: Path) -> None:
    tag(store, "v1", note=("Ada", "The first release"))
    remote = connect()
    push(store, RemoteTarget("origin", remote, "origin"), PushOptions(branches=("main",), tags=("v1",)))
    made = clone(remote.url, tmp_path / "bob", remote=connect(cache="other")).store
    assert made.tag_notes.read("v1") == _note(store)


def test_a_manifest_keeps_it(store: Store) -> None:
    note = TagNote("a" * 64, "Ada", "2026-01-01T00:00:00Z", "The first release")
    manifest = Manifest(store.config.base, store.config.editor, {"refs/tags/v1": "a" * 64}, (), {"refs/tags/v1": note})
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
