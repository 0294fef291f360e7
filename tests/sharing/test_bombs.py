"""A short pack that claims to hold much is refused before it is inflated, and a clone holds one bundle at a time."""

from __future__ import annotations

import json
import random
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from wisedb.canonical import digest
from wisedb.errors import CorruptObject
from wisedb.sharing import bundle as bundles
from wisedb.sharing import transfer
from wisedb.sharing.bundle import Contents, read_bundle, write_bundle
from wisedb.sharing.incoming import receive
from wisedb.sharing.manifest import Bundle, Manifest
from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.store.blobs import Array, Blob
from wisedb.store.container import Header, StoredArray
from wisedb.store.delta import encode_blob
from wisedb.store.objects import Objects
from wisedb.store.store import Store

MAIN = "refs/heads/main"
MIB = 1 << 20

pytestmark = pytest.mark.usefixtures("plain_card")


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """Where it arrives."""
    return Objects(tmp_path / "here")


def put_in(pack: Path, contents: Contents) -> int:
    """Add a bundle to a pack; its bytes."""
    path = sorted((pack / "manifests").iterdir())[-1]
    manifest = Manifest.from_bytes(path.read_bytes())
    made, data = write_bundle(contents)
    return put_archive(pack, path, manifest, made, data)


def put_archive(pack: Path, path: Path, manifest: Manifest, made: Bundle, data: bytes) -> int:
    (pack / made.path).parent.mkdir(parents=True, exist_ok=True)
    (pack / made.path).write_bytes(data)
    path.write_text(json.dumps(replace(manifest, bundles=(*manifest.bundles, made)).to_json()))
    return made.bytes


def bombs(size: int, number: int) -> dict[str, bytes]:
    """Files of blobs, of which each claims so many zeros and holds them."""
    payload = zlib.compress(bytes(size), 9)
    made = {}
    for seed in range(number):
        stored = StoredArray("U8", (size,), digest(bytes(seed)), {"codec": "shuffle-zlib"}, None, 0, len(payload))
        header = Header("mask", {"seed": seed}, {"bits": stored}, digest(payload))
        made[header.id] = header.to_bytes() + payload
    return made


def test_a_short_pack_of_long_blobs_is_refused_before_anything_is_inflated(
    store: Store, target: RemoteTarget, pack: Path, objects: Objects
) -> None:
    """What a few kilobytes of a doubly deflated bundle can claim: five gigabytes."""
    push(store, target)
    made = bombs(64 * MIB, 80)
    travelled = put_in(pack, Contents(blobs=made))
    assert travelled < 500_000 and 100 * travelled < 80 * 64 * MIB
    remote = FolderRemote(pack)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptObject, match="claim to hold") as caught:
            receive(objects, remote, {store.resolve("HEAD"): remote.snapshot(MAIN)}, lambda _: False, more=list(made))
        assert tracemalloc.get_traced_memory()[1] < 64 * MIB
    finally:
        tracemalloc.stop()
    assert caught.value.hint and list(objects.ids()) == [] and list(objects.commit_ids()) == []


def test_one_blob_that_claims_more_than_its_payload_can_honestly_hold(
    store: Store, target: RemoteTarget, pack: Path, objects: Objects
) -> None:
    push(store, target)
    payload = bytes(MIB)
    arrays = {
        f"part_{letter}": StoredArray("U8", (900 * MIB,), digest(b""), {"codec": "shuffle-zlib"}, None, 0, MIB)
        for letter in "abc"
    }
    header = Header("mask", {}, arrays, digest(payload * 3))
    put_in(pack, Contents(blobs={header.id: header.to_bytes() + payload * 3}))
    remote = FolderRemote(pack)
    with pytest.raises(CorruptObject, match="claims more than its payload can honestly hold"):
        receive(objects, remote, {store.resolve("HEAD"): remote.snapshot(MAIN)}, lambda _: False, more=[header.id])


def test_a_bundle_holds_no_more_than_a_hundred_times_its_length(
    store: Store, target: RemoteTarget, pack: Path, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(store, target)
    contents = Contents(headers={digest(bytes([n])): bytes(4 * MIB) for n in range(3)})
    honest, data = write_bundle(contents)
    assert honest.bytes > 12 * MIB  # it is left as it is, and so anybody reads it
    assert read_bundle(honest, data) == contents
    monkeypatch.setattr(bundles, "_SHORT", 1 << 60)
    made, data = write_bundle(contents)
    assert made.bytes < 20_000
    with pytest.raises(CorruptObject, match="larger than"):
        read_bundle(made, data)


def test_what_is_written_here_can_be_read_however_well_it_deflates(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wisedb.store.container.FREE", 10_000)
    zeros = Array("F32", (100_000,), bytes(400_000))
    blob = Blob("delta", {}, {"values": zeros, "more": Array("F32", (100,), bytes(400))})
    header, payload = encode_blob(blob)
    assert len(payload) >= 400_400 / 100 and header.decoded_length == 400_400
    assert objects.get(objects.put(blob)) == blob
    again = Blob("delta", {"again": True}, blob.arrays)
    assert objects.get(objects.put(again, delta_base=blob)) == again


BUNDLE = 2_000_000


def peak(store: Store, folder: Path, number: int) -> int:
    """The memory that receiving a pack takes which was pushed in so many bundles of two megabytes."""
    push(store, RemoteTarget("origin", FolderRemote(folder / "pack"), None))
    path = sorted((folder / "pack" / "manifests").iterdir())[-1]
    chance, more = random.Random(0), []
    for turn in range(number):
        parts = Contents()
        for place in range(40):
            data = chance.randbytes(BUNDLE // 40)
            blob = Blob("mask", {"turn": turn, "place": place}, {"bits": Array("U8", (len(data),), data)})
            header, payload = encode_blob(blob)
            parts.blobs[blob.id] = header.to_bytes() + payload
            more.append(blob.id)
        made, data = write_bundle(parts)
        put_archive(folder / "pack", path, Manifest.from_bytes(path.read_bytes()), made, data)
    remote = FolderRemote(folder / "pack")
    wants = {store.resolve("HEAD"): remote.snapshot(MAIN)}
    tracemalloc.start()
    try:
        got = receive(Objects(folder / "here"), remote, wants, lambda _: False, more=more)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert set(more) <= set(got.blobs) and got.bytes > number * BUNDLE
    return taken


def test_the_memory_of_a_clone_is_bounded_by_one_bundle(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five times as many bundles take less than half a bundle more memory: the names of what is in them."""
    monkeypatch.setattr(transfer, "AT_A_TIME", BUNDLE)
    peak(store, tmp_path / "first", 1)  # what is loaded and kept once
    few, many = (peak(store, tmp_path / str(number), number) for number in (3, 15))
    assert many < few + BUNDLE // 2 and many < 5 * BUNDLE
