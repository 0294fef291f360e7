"""Blobs of which only the header is here."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from tests.store.conftest import Kit
from wisedb.edits import Edit
from wisedb.errors import CorruptObject, MissingObject
from wisedb.store.blobs import Blob
from wisedb.store.container import read_detached
from wisedb.store.objects import Objects
from wisedb.store.receive import receive_header
from wisedb.store.store import Store


@pytest.fixture
def blob(kit: Kit, edits: list[Edit]) -> Blob:
    return kit.delta(kit.mask(), bytes(range(32)), *edits[:2])


@pytest.fixture
def elsewhere(store: Store, blob: Blob) -> Objects:
    """Where the whole blob is."""
    objects = Objects(store.root.parent / "elsewhere")
    objects.put(blob)
    return objects


@pytest.fixture
def objects(store: Store, blob: Blob, elsewhere: Objects) -> Objects:
    """Where its header is."""
    receive_header(store.objects, blob.id, elsewhere.header(blob.id).to_bytes())
    return store.objects


def test_the_header_tells_what_it_can(objects: Objects, elsewhere: Objects, blob: Blob) -> None:
    assert objects.has(blob.id) and objects.is_promised(blob.id) and blob.id in list(objects.ids())
    assert objects.header(blob.id) == elsewhere.header(blob.id)
    assert objects.meta(blob.id) == (blob.kind, blob.meta)
    assert objects.size(blob.id) == elsewhere.size(blob.id)
    assert objects.promised([blob.id]) == [blob.id]
    for read in (
        objects.get,
        lambda blob_id: objects.array(blob_id, "values"),
        lambda blob_id: objects.ensure([blob_id]),
    ):
        with pytest.raises(MissingObject, match="promised"):
            read(blob.id)


def test_a_promise_is_kept_once(objects: Objects, elsewhere: Objects, blob: Blob) -> None:
    asked: list[list[str]] = []

    def fetch(blob_ids: Collection[str]) -> None:
        asked.append(list(blob_ids))
        for blob_id in blob_ids:
            objects.import_file(blob_id, elsewhere.blob_path(blob_id).read_bytes())

    objects.promise.fetch = fetch
    assert objects.get(blob.id) == blob == objects.get(blob.id)
    objects.ensure([blob.id])
    assert asked == [[blob.id]]
    assert not objects.is_promised(blob.id) and not objects.header_path(blob.id).exists()
    assert list(objects.ids()).count(blob.id) == 1


def test_what_is_made_here_needs_no_promise(objects: Objects, blob: Blob, kit: Kit, edits: list[Edit]) -> None:
    near = kit.delta(kit.mask(), bytes(32), *edits[:3])
    objects.put(near, delta_base=blob.id)  # fetches nothing, though the blob might save some space
    assert objects.header(near.id).references == set() and objects.is_promised(blob.id)
    objects.put(blob)
    assert not objects.is_promised(blob.id) and objects.get(blob.id) == blob


def test_what_is_whole_stays_so(objects: Objects, elsewhere: Objects, blob: Blob) -> None:
    header = elsewhere.header(blob.id).to_bytes()
    objects.put(blob)
    receive_header(objects, blob.id, header)
    assert not objects.header_path(blob.id).exists()
    # A process that died between the two steps of an arrival leaves both: the blob counts.
    objects.header_path(blob.id).write_bytes(b"junk")
    assert objects.get(blob.id) == blob and not objects.is_promised(blob.id)
    assert list(objects.ids()).count(blob.id) == 1


def test_false_headers(store: Store, elsewhere: Objects, blob: Blob, kit: Kit) -> None:
    whole = elsewhere.header(blob.id).to_bytes()
    assert read_detached(whole) == elsewhere.header(blob.id)
    other = elsewhere.header(elsewhere.put(kit.mask())).to_bytes()
    spoilt = whole.replace(b'"F32"', b'"I32"')
    for data in (b"", whole[:-1], whole + b" ", whole + bytes(32), other, spoilt, b"\xff" * 8, bytes(100)):
        with pytest.raises(CorruptObject, match=blob.id[:12]):
            receive_header(store.objects, blob.id, data)
        assert not store.objects.has(blob.id)
    with pytest.raises(CorruptObject):
        receive_header(store.objects, "../" + blob.id[3:], whole)


def test_what_is_no_id(store: Store) -> None:
    assert not store.objects.has("../x") and not store.objects.is_promised("../x")
