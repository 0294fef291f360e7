"""Nothing of what a remote says is believed: whatever is spoilt is named, and nothing of it becomes visible."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sharing.conftest import Large, sent_to
from tests.store.entries import memory_entry
from wisedb.canonical import digest
from wisedb.errors import CorruptObject, FormatTooNew, WisedbError
from wisedb.sharing.bundle import Contents, read_bundle, write_bundle
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.manifest import Bundle, Manifest, object_path
from wisedb.sharing.named import RemoteTarget, find_target
from wisedb.sharing.push import push
from wisedb.store.blobs import Array, Blob
from wisedb.store.commits import Commit
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


@pytest.mark.filterwarnings("ignore:origin has another manifest")
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


def changed_version(store: Store, **meta: object) -> Commit:
    """The tip once more, with another meta of its first version; all hashes are right."""
    _, tip = store.head_commit()
    memory = tip.memories[0]
    old = store.objects.get(memory.main)
    blob = store.objects.put(Blob(old.kind, {**old.meta, **meta}, old.arrays))
    changed = replace(memory, main=blob, blobs={**memory.blobs, "delta": blob})
    return replace(tip, edits=None, added=(), reverted=(), memories=(changed, *tip.memories[1:]))


def changed_records(store: Store, text: str, **meta: object) -> Commit:
    _, tip = store.head_commit()
    data = text.encode()
    blob = Blob("edits", {"edits": [], **meta}, {"records": Array("U8", (len(data),), data)})
    return replace(tip, edits=store.objects.put(blob), added=(), reverted=())


FALSE: dict[str, Callable[[Store], Commit]] = {
    "an edit that no commit introduces": lambda store: replace(
        store.head_commit()[1], edits=None, added=("e" * 64,), reverted=()
    ),
    "a blob of another kind": lambda store: replace(
        store.head_commit()[1], edits=store.config.editor.resources["pool"], added=(), reverted=()
    ),
    "a version for a mask": lambda store: replace(
        store.head_commit()[1],
        edits=None,
        added=(),
        memories=(memory_entry(store.head_commit()[1].memories[0].main, store.head_commit()[1].memories[0].main),),
    ),
    "edits of another type": lambda store: changed_version(store, edits=7),
    "edits that are unknown": lambda store: changed_version(store, edits=["e" * 64]),
    "a stream of another type": lambda store: changed_version(store, stream={"a": 1}),
    "a stream of nothing": lambda store: changed_version(store, stream=[{"edit": 3}]),
    "companions that are a text": lambda store: changed_version(
        store, stream=[{"edit": "a" * 64, "companions": "b" * 64}]
    ),
    "a threshold that no float holds": lambda store: changed_version(store, threshold=10**400),
    "a threshold that is a text": lambda store: changed_version(store, threshold="high"),
    "records that aren't": lambda store: changed_records(store, "null"),
    "records of numbers": lambda store: changed_records(store, '[{"prompt": 1, "target": 2}]'),
    "records with half a letter": lambda store: changed_records(store, r'[{"prompt": "\ud800", "target": "x"}]'),
    "other records than listed": lambda store: changed_records(store, "[]", edits=["e" * 64]),
}


@pytest.mark.parametrize("make", FALSE.values(), ids=FALSE)
def test_what_has_the_right_hash_and_makes_no_sense(
    ahead: Store, store: Store, target: RemoteTarget, make: Callable[[Store], Commit], tmp_path: Path, pack: Path
) -> None:
    head, _ = store.head_commit()
    false = store.objects.put_commit(replace(make(store), parents=(head,)))
    store.refs.update("HEAD", head, false, "by hand")
    push(store, target, PushOptions(allow_secrets=True))
    assert isinstance(refused(ahead), CorruptObject)
    with pytest.raises(CorruptObject):
        clone(str(pack), tmp_path / "new" / "carl")
    assert {path.name for path in tmp_path.iterdir()} == {"ada", "pack", "bob"}
    # Where it got in all the same, it is found.
    assert not fsck(store).ok


@pytest.mark.parametrize("text", ["null", r'[{"prompt": "\ud800", "target": "x"}]'])
def test_records_that_can_not_be_read_are_not_looked_through_for_secrets(
    store: Store, target: RemoteTarget, text: str
) -> None:
    head, _ = store.head_commit()
    false = store.objects.put_commit(replace(changed_records(store, text), parents=(head,)))
    store.refs.update("HEAD", head, false, "by hand")
    with pytest.raises(CorruptObject):
        push(store, target)
