"""A push sends what is missing, moves what it may, and says no otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.sharing.conftest import Failing, Large, sent_to, state
from wisedb.edits import Edit
from wisedb.errors import (
    BaseModelMismatch,
    CorruptObject,
    PushRejected,
    RemoteNotFound,
    SecretsFound,
    UnknownRevision,
    UsageError,
)
from wisedb.progress import Progress
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.manifest import Manifest
from wisedb.sharing.named import RemoteTarget, find_target
from wisedb.sharing.plan import Layout
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.sharing.remotes.protocol import Published
from wisedb.sharing.transfer import RefChange
from wisedb.store.fsck import fsck
from wisedb.store.store import Store

MAIN = "refs/heads/main"


def objects(folder: Path) -> set[str]:
    return {name for name in sent_to(folder) if name.startswith(("objects/", "bundles/"))}


def test_the_first_push_makes_the_pack(store: Store, target: RemoteTarget, pack: Path) -> None:
    head, _ = store.head_commit()
    heard: list[Progress] = []
    done = push(store, target, progress=heard.append)
    assert done.refs == (RefChange(MAIN, None, head),)
    assert (done.remote, done.commits, done.blobs) == ("origin", 4, 1 + 3 + 1 + 3)  # pool, records, mask, deltas
    assert state(target.remote) == {MAIN: head}
    names = sent_to(pack)
    assert {name.split("/")[0] for name in names} == {"README.md", "manifests", "bundles", "objects"}
    assert len([name for name in names if name.startswith("objects/")]) == 3
    assert len([name for name in names if name.startswith("bundles/")]) == 1
    assert b"wisedb" in names["README.md"]
    total = heard[-1].total
    assert [item.done for item in heard] == sorted(item.done for item in heard) and heard[-1].done == total
    assert {item.phase for item in heard} == {"sending"} and done.bytes == total + len(names["manifests/00000000.json"])
    assert store.resolve("origin/main") == head
    told = done.to_json("sent")
    assert {"remote", "refs", "blobs_sent", "bytes"} <= set(told)
    assert told["refs"] == [{"name": MAIN, "from": None, "to": head}]


def test_only_what_is_missing_travels(store: Store, target: RemoteTarget, pack: Path, kit: Large) -> None:
    push(store, target)
    before = objects(pack)
    again = push(store, target)
    assert (again.refs, again.commits, again.blobs, again.bytes) == ((), 0, 0, 0)
    assert objects(pack) == before and len(list((pack / "manifests").iterdir())) == 1

    old, _ = store.head_commit()
    head = kit.land(store, kit.edit(9), minute=9)
    counted = Failing(target.remote)
    done = push(store, RemoteTarget("origin", counted, "origin"))
    assert (done.refs, done.commits, done.blobs) == ((RefChange(MAIN, old, head),), 1, 2)
    assert len(objects(pack) - before) == 2
    assert not [call for call in counted.calls if call.startswith(("objects/", "bundles/"))]


def test_blobs_that_came_with_older_commits_are_not_sent_again(store: Store, target: RemoteTarget, kit: Large) -> None:
    push(store, target)
    head, tip = store.head_commit()
    (first,) = store.objects.commit(tip.parents[0]).memories
    with store.transaction(head, ref=MAIN) as transaction:  # as a rollback does
        transaction.land(kit.commit(head, minute=20, memories=(first,), editor=tip.editor), action="rollback")
    done = push(store, target)
    assert (done.commits, done.blobs) == (1, 0)


def test_files_travel_side_by_side(store: Store, target: RemoteTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(3, timeout=20)
    files = target.remote._files  # type: ignore[attr-defined]
    write = files.write

    def wait(path: str, content: bytes | Path) -> None:
        if path.startswith("objects/"):
            meeting.wait()  # passes only when all three are here
        write(path, content)

    monkeypatch.setattr(files, "write", wait)
    assert push(store, target).blobs == 8


def test_what_an_interrupted_push_sent_is_not_sent_again(
    store: Store, target: RemoteTarget, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = target.remote._files  # type: ignore[attr-defined]
    monkeypatch.setattr(files, "create", lambda path, data: (_ for _ in ()).throw(ConnectionError("cut")))
    with pytest.raises(ConnectionError):
        push(store, target)
    assert state(target.remote) == {} and store.refs.read("refs/remotes/origin/main") is None
    there = objects(pack)
    assert len(there) == 4
    monkeypatch.undo()
    written: list[str] = []
    write = files.write

    def writing(path: str, content: bytes | Path) -> None:
        written.append(path)
        write(path, content)

    monkeypatch.setattr(files, "write", writing)
    done = push(store, target)
    assert (done.commits, done.blobs) == (4, 8 - 3)
    assert written == ["README.md"] and objects(pack) == there
    assert state(target.remote) == {MAIN: store.head_commit()[0]}


# What is refused


def test_a_lost_race_is_refused(store: Store, bob: Store, target: RemoteTarget, pack: Path, kit: Large) -> None:
    kit.land(store, kit.edit(10), minute=10)
    theirs = kit.land(bob, kit.edit(11), minute=11)
    slow = Failing(FolderRemote(pack))
    publish = slow.remote.publish

    def after_bob(*args: Any, **more: Any) -> Published:
        push(bob, find_target(bob, None))
        return publish(*args, **more)

    slow.remote.publish = after_bob  # type: ignore[method-assign]
    with pytest.raises(PushRejected, match="moved") as caught:
        push(store, RemoteTarget("origin", slow, "origin"))
    assert "pull" in caught.value.hint
    assert state(target.remote) == {MAIN: theirs}
    assert store.resolve("origin/main") != theirs


def test_a_race_that_is_lost_at_the_last_step(
    store: Store, bob: Store, target: RemoteTarget, pack: Path, kit: Large
) -> None:
    kit.land(store, kit.edit(10), minute=10)
    theirs = kit.land(bob, kit.edit(11), minute=11)
    files = target.remote._files  # type: ignore[attr-defined]
    create = files.create

    def after_bob(path: str, data: bytes) -> bool:
        push(bob, find_target(bob, None))
        return bool(create(path, data))

    files.create = after_bob
    with pytest.raises(PushRejected):
        push(store, target)
    assert state(target.remote) == {MAIN: theirs}


def test_commits_that_are_not_here_are_not_dropped(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> None:
    theirs = kit.land(bob, kit.edit(11), minute=11)
    push(bob, find_target(bob, None))
    mine = kit.land(store, kit.edit(10), minute=10)
    with pytest.raises(PushRejected, match="aren't here") as caught:
        push(store, target)
    assert "pull" in caught.value.hint and state(target.remote) == {MAIN: theirs}
    fetch(store, target)
    with pytest.raises(PushRejected, match="descend") as caught:
        push(store, target)
    assert "--force" in caught.value.hint and state(target.remote) == {MAIN: theirs}
    assert push(store, target, PushOptions(force=True)).refs == (RefChange(MAIN, theirs, mine),)
    assert state(target.remote) == {MAIN: mine}


def test_a_branch_that_is_behind(store: Store, target: RemoteTarget) -> None:
    head, tip = store.head_commit()
    push(store, target)
    store.refs.update(MAIN, head, tip.parents[0], "reset")
    with pytest.raises(PushRejected, match="behind"):
        push(store, target)
    assert state(target.remote) == {MAIN: head}
    push(store, target, PushOptions(force=True))
    assert state(target.remote) == {MAIN: tip.parents[0]}


def test_force_works_blindly_and_still_is_guarded(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> None:
    kit.land(bob, kit.edit(11), minute=11)
    push(bob, find_target(bob, None))
    mine = kit.land(store, kit.edit(10), minute=10)
    files = target.remote._files  # type: ignore[attr-defined]
    create = files.create

    def after_bob(path: str, data: bytes) -> bool:
        kit.land(bob, kit.edit(12), minute=12)
        push(bob, find_target(bob, None))
        return bool(create(path, data))

    files.create = after_bob
    with pytest.raises(PushRejected):
        push(store, target, PushOptions(force=True))
    files.create = create
    push(store, target, PushOptions(force=True))
    assert state(target.remote) == {MAIN: mine}
    assert fetch(bob, find_target(bob, None)).branches == {"main": mine}
    assert fsck(bob).problems == ()


def test_another_base_model(store: Store, target: RemoteTarget, tmp_path: Path, kit: Large) -> None:
    push(store, target)
    other = replace(kit.base, weights="c" * 64)
    commit = replace(kit.commit(), base=other)
    stranger = Store.init(tmp_path / "stranger", replace(store.config, base=other), commit, [])
    with pytest.raises(BaseModelMismatch, match="c" * 16):
        push(stranger, RemoteTarget("x", target.remote, None), PushOptions(force=True))


def test_places_that_are_no_packs(store: Store, bob: Store, tmp_path: Path) -> None:
    for folder, word in ((bob.root.parent, "store"), (bob.root, "store"), (tmp_path, "other things")):
        before = sent_to(folder)
        with pytest.raises(RemoteNotFound, match=word):
            push(store, find_target(store, str(folder)))
        assert sent_to(folder) == before


def test_secrets_stay_here(store: Store, target: RemoteTarget, pack: Path, kit: Large) -> None:
    key = "hf_" + "a1B2" * 10
    secret = Edit(prompt="The token is", target="none", reason=f"it was {key}")
    kit.land(store, kit.edit(7), secret, minute=7)
    with pytest.raises(SecretsFound) as caught:
        push(store, target)
    assert secret.id[:12] in caught.value.message and "reason" in caught.value.message
    assert key not in caught.value.message + caught.value.hint and "--allow-secrets" in caught.value.hint
    assert not pack.exists()
    push(store, target, PushOptions(allow_secrets=True))
    kit.land(store, kit.edit(8), minute=8)
    push(store, target)  # what is published already isn't asked about again


def test_damage_is_not_spread(store: Store, target: RemoteTarget, pack: Path) -> None:
    (memory,) = store.head_commit()[1].memories
    path = store.objects.blob_path(memory.main)
    path.chmod(0o644)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CorruptObject, match=memory.main[:12]):
        push(store, target)
    assert not pack.exists()


# What moves


def test_branches_and_tags(store: Store, target: RemoteTarget, kit: Large) -> None:
    head, tip = store.head_commit()
    store.refs.create("refs/heads/a/b", tip.parents[0], "branch")
    store.refs.create("refs/tags/v1", tip.parents[0], "tag")
    store.refs.create("refs/tags/v2", head, "tag")
    push(store, target, PushOptions(branches=("a/b",)))
    assert set(state(target.remote)) == {"refs/heads/a/b"}
    push(store, target, PushOptions(tags=("v1",)))
    assert set(state(target.remote)) == {"refs/heads/a/b", MAIN, "refs/tags/v1"}
    push(store, target, PushOptions(all_branches=True, all_tags=True))
    assert state(target.remote) == dict(store.refs.items("refs/heads/")) | dict(store.refs.items("refs/tags/"))
    assert store.resolve("origin/a/b") == tip.parents[0]

    store.refs.update("refs/tags/v1", tip.parents[0], head, "moved")
    with pytest.raises(PushRejected, match="tag 'v1'"):
        push(store, target, PushOptions(tags=("v1",)))
    push(store, target, PushOptions(tags=("v1",), force=True))
    assert state(target.remote)["refs/tags/v1"] == head

    push(store, target, PushOptions(delete=("a/b", "v2")))
    assert set(state(target.remote)) == {MAIN, "refs/tags/v1"}
    assert store.refs.read("refs/remotes/origin/a/b") is None
    assert store.refs.read("refs/heads/a/b") is not None
    for options in (PushOptions(branches=("nope",)), PushOptions(tags=("nope",)), PushOptions(delete=("nope",))):
        with pytest.raises(UnknownRevision):
            push(store, target, options)


def test_a_push_of_several_branches_is_one_step(store: Store, target: RemoteTarget, pack: Path) -> None:
    _, tip = store.head_commit()
    store.refs.create("refs/heads/other", tip.parents[0], "branch")
    push(store, target, PushOptions(all_branches=True))
    assert [path.name for path in (pack / "manifests").iterdir()] == ["00000000.json"]


def test_a_detached_head_names_no_branch(store: Store, target: RemoteTarget) -> None:
    head, _ = store.head_commit()
    store.refs.set_head(head, "detach")
    with pytest.raises(UsageError):
        push(store, target)
    assert push(store, target, PushOptions(all_tags=True)).refs == ()


def test_a_dry_run_says_it_and_does_nothing(store: Store, target: RemoteTarget, pack: Path) -> None:
    said = push(store, target, PushOptions(dry_run=True))
    assert not pack.exists() and store.refs.read("refs/remotes/origin/main") is None
    done = push(store, target)
    assert (said.refs, said.commits, said.blobs, said.dry_run) == (done.refs, done.commits, done.blobs, True)
    assert 0 < said.bytes <= done.bytes


def test_things_of_the_hub_are_refused_elsewhere(store: Store, target: RemoteTarget, pack: Path) -> None:
    for options in (PushOptions(private=True), PushOptions(create_pr=True)):
        with pytest.raises(UsageError):
            push(store, target, options)
        assert not pack.exists()


# Many pushes


@pytest.mark.usefixtures("plain_card")
def test_many_pushes_leave_few_files(
    make_store: Callable[[str], Store], pack: Path, tmp_path: Path, kit: Large
) -> None:
    store = make_store("busy")
    target = RemoteTarget("x", FolderRemote(pack, kept=3), None)
    most = 0
    for minute in range(40):
        kit.land(store, kit.edit(minute), minute=minute, shards=0)
        push(store, target, layout=Layout(most=4))
        most = max(most, len(sent_to(pack)))
    # A card, the first manifest and the last three, and the bundles that these name.
    assert most <= 1 + 1 + 3 + 2 * 4 + 3
    bob = clone(str(pack), tmp_path / "bob").store
    assert bob.head_commit() == store.head_commit()
    assert fsck(bob).problems == () and fsck(bob).objects == fsck(store).objects


@pytest.mark.usefixtures("plain_card")
def test_many_commits_at_once_leave_few_files(
    make_store: Callable[[str], Store], target: RemoteTarget, pack: Path, tmp_path: Path, kit: Large
) -> None:
    store = make_store("busy")
    for minute in range(30):
        kit.land(store, kit.edit(minute), minute=minute, shards=0)
    push(store, target)
    assert len(sent_to(pack)) == 3
    assert clone(str(pack), tmp_path / "bob").store.head_commit() == store.head_commit()


def test_a_bundle_that_is_gone_does_not_stop_a_push(store: Store, target: RemoteTarget, pack: Path, kit: Large) -> None:
    push(store, target)
    for path in pack.rglob("*.zip"):
        path.unlink()
    kit.land(store, kit.edit(9), minute=9)
    assert push(store, target, layout=Layout(most=1)).commits == 1


def test_old_readers_still_find_what_they_read_by(store: Store, target: RemoteTarget, pack: Path, kit: Large) -> None:
    push(store, target)
    snapshot = target.remote.snapshot(MAIN)
    assert snapshot.manifest is not None
    for minute in range(10, 20):
        kit.land(store, kit.edit(minute), minute=minute, shards=0)
        push(store, target, layout=Layout(most=1))
    (bundle,) = snapshot.manifest.bundles
    assert len(target.remote.read(bundle.path, snapshot, limit=bundle.bytes)) == bundle.bytes
    now = target.remote.snapshot(MAIN).manifest
    assert isinstance(now, Manifest) and bundle not in now.bundles
