"""Nothing of what a remote says is believed: whatever is spoilt is named, and nothing of it becomes visible."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sharing.conftest import Large, sent_to
from wisedb.canonical import digest
from wisedb.errors import CorruptObject, FormatTooNew, WisedbError
from wisedb.sharing.bundle import Contents, read_bundle, write_bundle
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.manifest import Bundle, Manifest, object_path
from wisedb.sharing.named import RemoteTarget, find_target
from wisedb.sharing.push import push
from wisedb.store.fsck import fsck
from wisedb.store.store import Store


@pytest.fixture
def ahead(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> Store:
    """Bob's clone, while the pack is two commits ahead of it."""
    kit.land(store, kit.edit(9), minute=9)
    kit.land(store, kit.edit(10), minute=10, shards=2)
    push(store, target)
    return bob


def visible(store: Store) -> object:
    return dict(store.refs.items()), store.refs.head(), store.refs.reflog(), sorted(store.objects.commit_ids())


def refused(store: Store, word: str = "") -> WisedbError:
    before = visible(store)
    with pytest.raises(WisedbError) as caught:
        fetch(store, find_target(store, None))
    assert visible(store) == before and fsck(store).problems == ()
    assert caught.value.hint and word in caught.value.message
    return caught.value


def rewrite(pack: Path, change: Callable[[Contents], object]) -> None:
    """Let the newest bundle of a pack be another one, of which all hashes are right."""
    path = sorted((pack / "manifests").iterdir())[-1]
    manifest = Manifest.from_bytes(path.read_bytes())
    last = manifest.bundles[-1]
    contents = read_bundle(last, (pack / last.path).read_bytes())
    change(contents)
    made, data = write_bundle(contents)
    said = Bundle(made.name, made.bytes, made.objects, last.tips)
    (pack / said.path).parent.mkdir(exist_ok=True)
    (pack / said.path).write_bytes(data)
    document = manifest.to_json()
    document["bundles"][-1] = said.to_json()
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_byte_of_any_file(ahead: Store, pack: Path, seed: int) -> None:
    chance = random.Random(seed)
    there = sent_to(pack)
    newest = max(name for name in there if name.startswith("manifests/"))
    names = [name for name in sorted(there) if name.startswith(("bundles/", "objects/"))]
    before = sent_to(pack)
    for name in (*names, newest):
        data = bytearray(before[name])
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (pack / name).write_bytes(bytes(data))
    assert isinstance(refused(ahead), CorruptObject | FormatTooNew)


def test_a_spoilt_payload_is_named(ahead: Store, store: Store, pack: Path) -> None:
    ids = {blob_id for blob_id in store.objects.ids() if store.objects.meta(blob_id)[0] == "delta"}
    for path in pack.rglob("objects/*/*"):
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    message = refused(ahead, "blob").message
    assert any(blob_id[:12] in message for blob_id in ids)


def test_files_that_are_too_long_or_gone(ahead: Store, pack: Path) -> None:
    whole = sent_to(pack)
    for path in pack.rglob("objects/*/*"):
        path.write_bytes(path.read_bytes() * 2)
    assert isinstance(refused(ahead, "longer"), CorruptObject)
    for path in pack.rglob("objects/*/*"):
        path.unlink()
    assert isinstance(refused(ahead, "lacks"), CorruptObject)
    for name, data in whole.items():
        (pack / name).write_bytes(data)
    for path in pack.rglob("bundles/*/*"):
        path.unlink()
    assert isinstance(refused(ahead, "isn't there"), CorruptObject)


def test_a_commit_that_is_another_one(ahead: Store, store: Store, pack: Path, kit: Large) -> None:
    head, _ = store.head_commit()
    rewrite(pack, lambda contents: contents.commits.update({head: kit.commit(message="false").to_bytes()}))
    assert isinstance(refused(ahead, head[:12]), CorruptObject)


def test_a_commit_of_a_newer_format(ahead: Store, store: Store, pack: Path) -> None:
    data = json.dumps({"format": 3}).encode()

    def change(contents: Contents) -> None:
        contents.commits[digest(data)] = data

    path = sorted((pack / "manifests").iterdir())[-1]
    with pytest.raises(FormatTooNew):
        rewrite(pack, change)  # not even we could write it
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({**document, "format": 3}))
    assert isinstance(refused(ahead), FormatTooNew)


def test_objects_that_are_missing_or_false(ahead: Store, store: Store, pack: Path, kit: Large, tmp_path: Path) -> None:
    head, tip = store.head_commit()
    assert tip.edits is not None
    edits = tip.edits
    keep = tmp_path / "keep"
    shutil.copytree(pack, keep)

    def spoil(change: Callable[[Contents], object]) -> None:
        shutil.rmtree(pack)
        shutil.copytree(keep, pack)
        rewrite(pack, change)

    spoil(lambda contents: contents.commits.pop(tip.parents[0]))
    assert isinstance(refused(ahead, tip.parents[0][:12]), CorruptObject)
    spoil(lambda contents: contents.blobs.pop(edits))
    assert isinstance(refused(ahead, edits[:12]), CorruptObject)
    spoil(lambda contents: contents.blobs.update({edits: b"junk"}))
    assert isinstance(refused(ahead, edits[:12]), CorruptObject)
    other = next(iter(store.objects.ids()))
    spoil(lambda contents: contents.blobs.update({edits: store.objects.blob_path(other).read_bytes()}))
    assert isinstance(refused(ahead, edits[:12]), CorruptObject)
    delta = tip.memories[0].main
    for junk in (b"", b"junk", store.objects.header(tip.memories[1].main).to_bytes()):
        spoil(lambda contents, junk=junk: contents.headers.update({delta: junk}))  # type: ignore[misc]
        assert isinstance(refused(ahead, delta[:12]), CorruptObject)
    spoil(lambda contents: None)
    fetch(ahead, find_target(ahead, None))
    assert fsck(ahead).problems == () and ahead.resolve("origin/main") == head


def test_a_header_and_a_file_that_differ(ahead: Store, store: Store, pack: Path) -> None:
    one, other = (store.objects.header(memory.main) for memory in store.head_commit()[1].memories)
    shutil.copyfile(pack / object_path(one), pack / object_path(other))
    assert isinstance(refused(ahead, other.id[:12]), CorruptObject)


def test_refs_that_lead_nowhere(ahead: Store, pack: Path) -> None:
    path = sorted((pack / "manifests").iterdir())[-1]
    document = json.loads(path.read_bytes())
    for refs in ({"refs/heads/main": "e" * 64}, {"refs/heads/../../config.toml": document["refs"]["refs/heads/main"]}):
        path.write_text(json.dumps({**document, "refs": refs}))
        assert isinstance(refused(ahead), CorruptObject)


def test_extra_objects_are_not_kept(ahead: Store, pack: Path, kit: Large) -> None:
    stranger = kit.commit(message="stranger")
    rewrite(pack, lambda contents: contents.commits.update({stranger.id: stranger.to_bytes()}))
    fetch(ahead, find_target(ahead, None))
    assert not ahead.objects.has_commit(stranger.id)


def test_a_clone_of_what_is_spoilt_is_none(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path) -> None:
    push(store, target)
    for path in pack.rglob("objects/*/*"):
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(CorruptObject):
        clone(str(pack), tmp_path / "bob")
    assert {path.name for path in tmp_path.iterdir()} == {"ada", "pack"}
