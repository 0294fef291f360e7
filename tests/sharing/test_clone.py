"""A clone is the same store somewhere else, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sharing.conftest import Failing, Large, sent_to
from wisedb.errors import (
    CorruptObject,
    RemoteNotFound,
    RemoteUnavailable,
    StoreBusy,
    StoreExists,
    UnknownRevision,
    UsageError,
)
from wisedb.sharing.clone import clone
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.push import push
from wisedb.store import history
from wisedb.store.fsck import fsck
from wisedb.store.graph import ancestors
from wisedb.store.lock import StoreLock
from wisedb.store.store import Store


def test_a_clone_has_everything(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path) -> None:
    head, tip = store.head_commit()
    store.refs.create("refs/heads/other", tip.parents[0], "branch")
    store.refs.create("refs/tags/v1", head, "tag")
    push(store, target, PushOptions(all_branches=True, all_tags=True))
    made = clone(str(pack), tmp_path / "bob")
    bob = made.store
    assert (made.branch, bob.refs.head().branch, bob.head_commit()[0]) == ("main", "main", head)
    for commit_id, commit in ancestors(store.objects, head):
        assert bob.objects.commit(commit_id) == commit
        for blob_id in commit.blobs:
            assert bob.objects.get(blob_id) == store.objects.get(blob_id)
    assert fsck(bob).problems == () and fsck(bob).objects == fsck(store).objects
    assert bob.config.base == store.config.base and bob.config.editor == store.config.editor
    assert bob.config.remotes == {"origin": str(pack)} and bob.config.promised is None
    assert bob.refs.branches() == {"main": head} and bob.refs.tags() == {"v1": head}
    assert bob.resolve("origin/main") == head and bob.resolve("origin/other") == tip.parents[0]
    assert bob.index.status() == "ok" and history.facts(bob) == history.facts(store)
    assert {path.name for path in tmp_path.iterdir()} == {"ada", "bob", "pack"}
    assert {path.name for path in (tmp_path / "bob").iterdir()} == {".wisedb"}
    told = made.to_json()
    assert {"remote", "refs", "blobs_received", "bytes", "path", "branch", "head"} <= set(told)
    assert told["refs"] == [{"name": "refs/heads/main", "from": None, "to": head}]
    assert (made.transfer.commits, made.transfer.blobs) == (4, 8)


def test_where_head_is(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path) -> None:
    _, tip = store.head_commit()
    for name in ("one", "two"):
        store.refs.create(f"refs/heads/{name}", tip.parents[0], "branch")
    push(store, target, PushOptions(branches=("one",)))
    assert clone(str(pack), tmp_path / "a").branch == "one"
    push(store, target, PushOptions(branches=("two",)))
    with pytest.raises(UsageError, match="main") as caught:
        clone(str(pack), tmp_path / "b")
    assert "one, two" in caught.value.hint
    assert clone(str(pack), tmp_path / "b", branch="two").branch == "two"
    with pytest.raises(UnknownRevision, match="three"):
        clone(str(pack), tmp_path / "c", branch="three")
    push(store, target)
    assert clone(str(pack), tmp_path / "c").branch == "main"


def test_the_model_may_be_somewhere_else(
    store: Store, target: RemoteTarget, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(store, target)
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    bob = clone(str(pack), model="./model", folder=Path("bob")).store
    assert bob.config.base.model == str(tmp_path / "model") and bob.config.base.revision is None
    assert bob.config.base.fingerprint == store.config.base.fingerprint
    assert clone(str(pack), Path("eve"), model="org/model").store.config.base.model == "org/model"


def test_folders_that_are_in_use(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path) -> None:
    push(store, target)
    with pytest.raises(StoreExists):
        clone(str(pack), store.root.parent)
    with pytest.raises(UsageError, match="not empty"):
        clone(str(pack), tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError):
        clone(str(pack), tmp_path / "file")
    empty = tmp_path / "empty"
    empty.mkdir()
    inode = empty.stat().st_ino
    clone(str(pack), empty)
    assert empty.stat().st_ino == inode, "whoever is in that folder stays in it"
    assert clone(str(pack), tmp_path / "new" / "deep").store.root == tmp_path / "new" / "deep" / ".wisedb"


def test_it_is_named_after_the_pack(
    store: Store, target: RemoteTarget, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(store, target)
    elsewhere = pack.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert clone("../pack").store.root == elsewhere / "pack" / ".wisedb"


def test_where_nothing_is(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RemoteNotFound):
        clone(str(tmp_path / "nothing"), tmp_path / "bob")
    assert {path.name for path in tmp_path.iterdir()} == {"ada"}


def test_a_downloaded_repository_is_a_pack(
    store: Store, target: RemoteTarget, pack: Path, tmp_path: Path, kit: Large
) -> None:
    push(store, target)
    manifest = pack / "manifests" / "00000000.json"
    manifest.rename(pack / "wisedb.json")
    manifest.parent.rmdir()
    bob = clone(str(pack), tmp_path / "bob").store
    assert bob.head_commit() == store.head_commit()
    head = kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    kit.land(store, kit.edit(10), minute=10)
    assert [path.name for path in manifest.parent.iterdir()] == ["00000001.json"]
    assert target.remote.refs() == {"refs/heads/main": head}


def test_a_cut_connection_leaves_no_store_and_costs_nothing_twice(
    store: Store, target: RemoteTarget, pack: Path, tmp_path: Path
) -> None:
    push(store, target)
    arrived: list[str] = []
    step, made = 0, None
    while made is None:
        step += 1
        cut = Failing(target.remote, at=step, error=RemoteUnavailable("cut", hint="again"))
        try:
            made = clone(str(pack), tmp_path / "bob", remote=cut)
        except RemoteUnavailable:
            assert not (tmp_path / "bob").exists()
        arrived += [path for path in cut.arrived if path.startswith("objects/")]
    assert step > 3 and len(arrived) == len(set(arrived)) == 3
    assert fsck(made.store).problems == () and made.store.head_commit() == store.head_commit()
    assert {path.name for path in tmp_path.iterdir()} == {"ada", "bob", "pack"}
    assert made.store.objects.ids() is not None
    assert set(made.store.objects.ids()) == set(store.objects.ids())


def test_what_another_pack_left_is_not_taken_over(
    store: Store, target: RemoteTarget, pack: Path, tmp_path: Path
) -> None:
    push(store, target)
    cut = Failing(target.remote, at=5, error=RemoteUnavailable("cut", hint="again"))
    with pytest.raises(RemoteUnavailable):
        clone(str(pack), tmp_path / "bob", remote=cut)
    junk = tmp_path / ".bob.cloning" / ".wisedb" / "objects" / "aa" / ("a" * 62 + ".safetensors")
    junk.parent.mkdir(parents=True, exist_ok=True)
    junk.write_bytes(b"junk")
    pack.rename(tmp_path / "moved")
    made = clone(str(tmp_path / "moved"), tmp_path / "bob")
    assert fsck(made.store).problems == ()


def test_one_clone_at_a_time(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path) -> None:
    push(store, target)
    (tmp_path / ".bob.cloning").mkdir()
    with StoreLock(tmp_path / ".bob.cloning" / "lock").hold("another clone"), pytest.raises(StoreBusy):
        clone(str(pack), tmp_path / "bob")
    assert clone(str(pack), tmp_path / "bob").branch == "main"


def test_any_other_failure_leaves_nothing(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path) -> None:
    push(store, target)
    before = {path.name for path in tmp_path.iterdir()}
    for step in range(1, 7):
        failing = Failing(target.remote, at=step, error=CorruptObject("spoilt", hint="x"))
        with pytest.raises(CorruptObject):
            clone(str(pack), tmp_path / "bob", remote=failing)
        assert {path.name for path in tmp_path.iterdir()} == before
    steps: list[str] = []

    def count(step: str) -> None:
        steps.append(step)

    clone(str(pack), tmp_path / "counted", fault=count)
    for number in range(0, len(steps), 7):
        passed = 0

        def fault(step: str, number: int = number) -> None:
            nonlocal passed
            passed += 1
            if passed > number:
                raise OSError(28, "No space left on device")

        with pytest.raises(Exception, match="pace"):
            clone(str(pack), tmp_path / "bob", fault=fault)
        assert {path.name for path in tmp_path.iterdir()} == before | {"counted"}
    assert sent_to(tmp_path / "counted" / ".wisedb").keys() >= {"HEAD", "config.toml"}
