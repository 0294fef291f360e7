"""Lost objects come from packs, other stores and exported adapters."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests.sharing.conftest import Large
from wisedb.errors import UnknownRemote, WisedbError, WisedbWarning
from wisedb.export.adapter import write_adapter
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.named import ORIGIN, RemoteTarget, add_remote
from wisedb.sharing.push import push
from wisedb.sharing.sources import sources_of
from wisedb.store.fsck import fsck
from wisedb.store.repair import repair
from wisedb.store.store import Store
from wisedb.versioning.status import status


def files(store: Store) -> list[Path]:
    return sorted(store.objects.folder.rglob("*.*"))


def spoil(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\0\1")


def test_every_object_comes_back_from_the_pack(bob: Store) -> None:
    for number, path in enumerate(files(bob)):
        spoil(path) if number % 2 else path.unlink()
    assert not fsck(bob).ok
    done = repair(bob, sources_of(bob))
    assert done.report.ok and not done.lost
    assert {each.source for each in done.repaired if each.object != "index"} == {bob.config.remotes[ORIGIN]}


def test_a_promised_blob_with_a_rotten_header(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path) -> None:
    push(store, target)
    lazy = clone(str(pack), tmp_path / "lazy", lazy=True).store
    headers = sorted(lazy.objects.folder.rglob("*.header"))
    assert headers
    for path in headers:
        spoil(path)
    done = repair(lazy, sources_of(lazy))
    assert done.report.ok and len(done.repaired) >= len(headers)


def test_another_store_is_enough(store: Store, bob: Store, tmp_path: Path) -> None:
    for path in files(bob):
        path.unlink()
    assert repair(bob, sources_of(bob, [str(store.root.parent)])).report.ok


def test_an_exported_adapter_has_the_memories(store: Store, tmp_path: Path) -> None:
    commit_id, commit = store.head_commit()
    folder = tmp_path / "adapter"
    folder.mkdir()
    write_adapter(store.objects, commit_id, commit, folder)
    store.objects.blob_path(commit.memories[0].main).unlink()
    assert not fsck(store).ok
    done = repair(store, sources_of(store, [str(folder)]))
    assert done.report.ok and str(folder) in {each.source for each in done.repaired}


def test_a_place_that_is_none(store: Store) -> None:
    with pytest.raises(UnknownRemote):
        sources_of(store, ["nowhere"])


def test_a_remote_that_is_gone_is_told_and_does_not_stop_the_others(
    store: Store, bob: Store, kit: Large, tmp_path: Path
) -> None:
    add_remote(bob, "agone", str(tmp_path / "gone"))
    head = bob.objects.commit_path(bob.resolve("HEAD"))
    head.unlink()
    # In the order of their names.
    assert sorted(bob.config.remotes) == ["agone", ORIGIN]
    if next(iter(bob.config.remotes)) == "agone":
        with pytest.warns(WisedbWarning, match="can't be asked"):
            done = repair(bob, sources_of(bob))
    else:
        done = repair(bob, sources_of(bob))
    assert done.report.ok
    head.unlink()
    with pytest.raises(WisedbError):
        repair(bob, sources_of(bob, ["agone"]))


def test_status_and_the_list_of_branches_answer_beside_a_rotten_upstream(
    store: Store, bob: Store, target: RemoteTarget, kit: Large
) -> None:
    kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    fetch(bob, target)
    bob.objects.commit_path(bob.resolve("origin/main")).unlink()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = status(Store.open(bob.root))
    assert any("apart is unknown" in str(each.message) for each in heard)
    assert found.distance is None and found.head == bob.resolve("HEAD")
