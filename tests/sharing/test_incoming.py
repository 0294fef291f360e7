"""What arrives is checked, stored after what it needs, and never half."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest

from tests.sharing.conftest import Failing, Large
from wisedb.errors import CorruptObject
from wisedb.progress import Progress
from wisedb.sharing.incoming import EAGER, Received, download, file_size, receive
from wisedb.sharing.manifest import object_path
from wisedb.sharing.named import ORIGIN, RemoteTarget, add_remote
from wisedb.sharing.outgoing import links
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.sharing.remotes.protocol import Snapshot
from wisedb.store.objects import Objects
from wisedb.store.store import Store

MAIN = "refs/heads/main"

pytestmark = pytest.mark.usefixtures("plain_card")


@pytest.fixture
def remote(store: Store, target: RemoteTarget) -> Failing:
    """Where the store's history was pushed to; it counts what it is asked for."""
    push(store, target)
    return Failing(target.remote)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """Where it arrives."""
    return Objects(tmp_path / "here")


def wants(store: Store, remote: Failing) -> Mapping[str, Snapshot]:
    return {store.resolve("HEAD"): remote.snapshot(MAIN)}


def never(commit_id: str) -> bool:
    """No commit is here with all that it needs."""
    return False


def bring(
    store: Store, remote: Failing, objects: Objects, *, lazy: bool = False, more: Collection[str] = ()
) -> Received:
    return receive(objects, remote, wants(store, remote), never, lazy=lazy, more=more)


def large(store: Store) -> set[str]:
    return {blob_id for blob_id in store.objects.ids() if store.objects.header(blob_id).kind == "delta"}


def test_all_of_it_arrives_parents_first(store: Store, remote: Failing, objects: Objects) -> None:
    reports: list[Progress] = []
    got = receive(objects, remote, wants(store, remote), never, progress=reports.append)
    tip = store.head_commit()[1]
    assert got.commits[-1] == tip.id and set(got.commits) == set(store.objects.commit_ids())
    places = {commit_id: place for place, commit_id in enumerate(got.commits)}
    for commit_id in got.commits:
        assert objects.commit(commit_id) == store.objects.commit(commit_id)
        assert all(places[parent] < places[commit_id] for parent in objects.commit(commit_id).parents)
    assert set(got.blobs) == set(objects.ids()) == set(store.objects.ids()) and len(got.blobs) == len(set(got.blobs))
    assert all(objects.get(blob_id) == store.objects.get(blob_id) for blob_id in got.blobs)
    assert got.bytes > sum(store.objects.size(blob_id) for blob_id in large(store))
    assert reports[-1].done == reports[-1].total > 0


def test_each_blob_is_stored_after_those_that_it_needs(
    make_store: Callable[[str], Store], kit: Large, objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = make_store("small")
    for minute in (1, 2, 3):
        kit.write(small, kit.edit(minute), minute=minute)
    folder = FolderRemote(tmp_path / "small-pack")
    add_remote(small, ORIGIN, folder.url)
    push(small, RemoteTarget(ORIGIN, folder, ORIGIN))
    imported, checked = Objects.import_file, 0

    def watched(self: Objects, blob_id: str, data: bytes) -> None:
        nonlocal checked
        imported(self, blob_id, data)
        header = self.header(blob_id)
        needed = links(header, set(small.objects.ids()))
        assert all(map(self.has, needed))
        checked += len(needed)

    monkeypatch.setattr(Objects, "import_file", watched)
    receive(objects, folder, {small.resolve("HEAD"): folder.snapshot(MAIN)}, never)
    assert checked > 0 and set(objects.ids()) == set(small.objects.ids())


def test_what_is_here_does_not_travel_again(store: Store, remote: Failing, objects: Objects) -> None:
    bring(store, remote, objects)
    wanted = wants(store, remote)
    remote.calls.clear()
    assert receive(objects, remote, wanted, objects.has_commit) == Received()
    # Even where nobody knows that all of it is here, no file comes twice.
    assert receive(objects, remote, wanted, never) == Received()
    assert remote.calls == []


def test_of_a_lazy_clone_only_headers_of_large_memories_come(store: Store, remote: Failing, objects: Objects) -> None:
    got = bring(store, remote, objects, lazy=True)
    assert set(objects.promised(objects.ids())) == large(store)
    assert set(got.blobs) == set(store.objects.ids()) - large(store) and set(got.commits) == set(objects.commit_ids())
    assert not any(path.endswith(".safetensors") for path in remote.arrived)
    assert {store.objects.header(blob_id).kind for blob_id in large(store)}.isdisjoint(EAGER)


def test_further_blobs_that_are_wanted_come_too(store: Store, remote: Failing, objects: Objects) -> None:
    bring(store, remote, objects)
    (first, *_) = sorted(large(store))
    objects.blob_path(first).unlink()
    snapshots = wants(store, remote)
    got = receive(objects, remote, snapshots, objects.has_commit, more=[first])
    assert got.commits == [] and got.blobs == [first] and objects.get(first) == store.objects.get(first)


def test_a_store_that_was_half_collected_is_filled_up(store: Store, remote: Failing, objects: Objects) -> None:
    bring(store, remote, objects)
    edits = str(store.head_commit()[1].edits)
    objects.blob_path(edits).unlink()  # the bundle that holds it seems to be here: its commits are
    assert bring(store, remote, objects).blobs == [edits]
    assert objects.get(edits) == store.objects.get(edits)


def test_a_blob_that_is_in_no_bundle_is_said_and_no_commit_is_stored(
    store: Store, remote: Failing, objects: Objects
) -> None:
    with pytest.raises(CorruptObject, match="blob ffffffffffff is in no bundle"):
        bring(store, remote, objects, more=["f" * 64])
    assert list(objects.commit_ids()) == []


@pytest.mark.parametrize("damage", ["lost", "cut", "other", "flipped"])
def test_a_large_blob_that_is_not_there_or_damaged_leaves_no_commit(
    store: Store, remote: Failing, objects: Objects, pack: Path, damage: str
) -> None:
    victim = store.head_commit()[1].memories[0].main
    path = pack / object_path(store.objects.header(victim))
    whole = path.read_bytes()
    if damage == "lost":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(whole[:-1])
    elif damage == "other":
        other = min(large(store) - {victim})
        path.write_bytes((pack / object_path(store.objects.header(other))).read_bytes())
    else:
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CorruptObject, match=victim[:12]):
        bring(store, remote, objects)
    assert store.resolve("HEAD") not in objects.commit_ids() and not objects.has(victim)
    path.write_bytes(whole)
    bring(store, remote, objects)
    assert objects.get(victim) == store.objects.get(victim)


def test_a_bundle_that_is_lost_is_the_packs_fault(store: Store, remote: Failing, objects: Objects, pack: Path) -> None:
    manifest = remote.snapshot(MAIN).manifest
    assert manifest is not None
    for bundle in manifest.bundles:
        (pack / bundle.path).unlink()
    with pytest.raises(CorruptObject) as caught:
        bring(store, remote, objects)
    assert "push again" in caught.value.hint and list(objects.ids()) == []


def test_one_file_alone(store: Store, remote: Failing, objects: Objects) -> None:
    mask, main = (store.head_commit()[1].memories[0].blobs[role] for role in ("mask", "delta"))
    header = store.objects.header(main)
    assert file_size(header) == store.objects.blob_path(main).stat().st_size
    objects.import_file(mask, store.objects.blob_path(mask).read_bytes())
    download(objects, remote, remote.snapshot(MAIN), main, header)
    assert objects.blob_path(main).read_bytes() == store.objects.blob_path(main).read_bytes()
