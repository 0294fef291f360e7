"""A pack whose files rot is checked, and healed by who has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sharing.conftest import Large, sent_to
from wisedb.errors import CorruptObject, RemoteNotFound
from wisedb.sharing.check_pack import check_pack
from wisedb.sharing.clone import clone
from wisedb.sharing.heal import heal
from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.store.fsck import fsck
from wisedb.store.store import Store


@pytest.fixture
def pushed(store: Store, target: RemoteTarget, kit: Large) -> Store:
    """Three pushes, so that there are several bundles."""
    push(store, target)
    for minute in (7, 8):
        kit.land(store, kit.edit(minute), minute=minute, shards=2)
        push(store, target)
    return store


def spoil(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-40] + bytes([data[-40] ^ 1]) + data[-39:])


def data_files(pack: Path) -> list[Path]:
    return sorted(path for folder in ("bundles", "objects") for path in (pack / folder).rglob("*") if path.is_file())


def test_a_sound_pack(pushed: Store, pack: Path) -> None:
    before = sent_to(pack)
    state = check_pack(FolderRemote(pack))
    assert state.report.ok
    assert state.report.objects == len(list(pushed.objects.ids())) + len(list(pushed.objects.commit_ids()))
    assert heal(pushed, FolderRemote(pack)).report.ok and sent_to(pack) == before


@pytest.mark.parametrize("harm", [spoil, Path.unlink])
def test_each_file_is_found_and_healed(pushed: Store, pack: Path, tmp_path: Path, harm: object) -> None:
    refs = dict(FolderRemote(pack).refs())
    for number, path in enumerate(data_files(pack)):
        if not path.is_file():
            continue
        harm(path)  # type: ignore[operator]
        assert not check_pack(FolderRemote(pack)).report.ok, path
        with pytest.raises(CorruptObject):
            clone(str(pack), tmp_path / "never")
        done = heal(pushed, FolderRemote(pack))
        assert done.report.ok and done.repaired and not done.lost
        assert dict(FolderRemote(pack).refs()) == refs
        made = clone(str(pack), tmp_path / f"clone{number}").store
        assert fsck(made).ok


def test_all_of_it_at_once(pushed: Store, pack: Path, tmp_path: Path) -> None:
    for path in data_files(pack):
        spoil(path)
    assert heal(pushed, FolderRemote(pack)).report.ok
    assert fsck(clone(str(pack), tmp_path / "clone").store).ok


def test_a_large_blob_that_is_encoded_otherwise_here(pushed: Store, pack: Path, tmp_path: Path) -> None:
    """The pack's header leads to a file that nobody can make again: it goes with the file."""
    mine = Store.open(pushed.root)
    victims = []
    for blob_id in list(mine.objects.ids()):
        header = mine.objects.header(blob_id)
        if header.references:
            blob = mine.objects.get(blob_id)
            victims.append(blob)
    if not victims:
        pytest.skip("nothing is stored as a difference")
    for blob in victims:
        mine.objects.blob_path(blob.id).unlink()
    for blob in victims:
        mine.objects.put(blob)
    for path in data_files(pack):
        if path.parent.parent.name == "objects":
            spoil(path)
    assert heal(mine, FolderRemote(pack)).report.ok
    assert fsck(clone(str(pack), tmp_path / "clone").store).ok


def test_what_is_not_here_either_is_named(pushed: Store, pack: Path) -> None:
    commit = pushed.objects.commit(pushed.resolve("HEAD~1"))
    lost = commit.memories[0].main
    pushed.objects.blob_path(lost).unlink()
    for path in data_files(pack):
        spoil(path)
    done = heal(pushed, FolderRemote(pack))
    assert not done.report.ok and lost in {each.object for each in done.lost}
    assert any(each.object == pushed.resolve("HEAD") for each in done.repaired) or done.repaired


@pytest.mark.filterwarnings("ignore:origin has gone back")
def test_a_push_does_not_trust_a_rotten_file_of_the_same_length(
    store: Store, target: RemoteTarget, pack: Path, tmp_path: Path
) -> None:
    push(store, target)
    whole = sent_to(pack)
    # As an interrupted push leaves it: the files, and no manifest. One of them has rotted since.
    for path in (pack / "manifests").iterdir():
        path.unlink()
    for path in data_files(pack):
        spoil(path)
    push(store, target)
    assert {name: data for name, data in sent_to(pack).items() if name.startswith(("objects", "bundles"))} == {
        name: data for name, data in whole.items() if name.startswith(("objects", "bundles"))
    }
    assert check_pack(FolderRemote(pack)).report.ok


def test_there_is_no_pack(tmp_path: Path, store: Store) -> None:
    with pytest.raises(RemoteNotFound):
        check_pack(FolderRemote(tmp_path / "none"))
    with pytest.raises(RemoteNotFound):
        heal(store, FolderRemote(tmp_path / "none"))
