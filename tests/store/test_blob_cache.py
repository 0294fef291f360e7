"""What is kept at hand says what the store says, and no more than fits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.store.conftest import Kit
from wisedb.errors import MissingObject, UnknownEdit
from wisedb.store.blob_cache import BlobCache
from wisedb.store.blobs import Array, Blob
from wisedb.store.store import Store


@pytest.fixture
def store(make_store: Callable[[str], Store]) -> Store:
    return make_store("store")


def blob(number: int, size: int = 1000) -> Blob:
    return Blob("delta", {"edits": [f"{number:064x}"]}, {"values": Array("U8", (size,), bytes([number]) * size)})


def test_a_blob_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.objects.put(blob(1))
    cache = BlobCache(store.objects)
    first = cache.get(blob(1).id)
    monkeypatch.setattr("wisedb.store.objects.Objects.get", lambda *_: pytest.fail("read again"))
    monkeypatch.setattr("wisedb.store.objects.Objects.meta", lambda *_: pytest.fail("read again"))
    assert cache.get(blob(1).id) is first
    assert cache.meta(blob(1).id) == {"edits": [f"{1:064x}"]}
    assert first == blob(1)


def test_a_blob_that_the_store_lost_is_missing(store: Store) -> None:
    store.objects.put(blob(1))
    cache = BlobCache(store.objects)
    cache.get(blob(1).id)
    store.objects.blob_path(blob(1).id).unlink()
    with pytest.raises(MissingObject):
        cache.get(blob(1).id)
    with pytest.raises(MissingObject):
        cache.meta(blob(1).id)
    assert cache.peek(blob(1).id) is None


def test_what_was_not_asked_for_longest_goes_first(store: Store) -> None:
    for number in range(3):
        store.objects.put(blob(number))
    cache = BlobCache(store.objects, limit=5000)
    for number in (0, 1, 0, 2):
        cache.get(blob(number).id)
    assert [cache.peek(blob(number).id) is not None for number in range(3)] == [True, False, True]
    cache.keep(blob(9, size=6000))
    assert all(cache.peek(blob(number).id) is None for number in (0, 1, 2, 9))
    cache.keep(blob(0))
    assert cache.peek(blob(0).id) == blob(0), "what is gone no longer counts"


def test_edits_are_those_of_the_index(store: Store, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    edits = [kit.edit(number) for number in range(4)]
    first = store.objects.commit(kit.write(store, edits[0], edits[1], minute=1))
    second = store.objects.commit(kit.write(store, edits[2], minute=2))
    third = store.objects.commit(kit.write(store, edits[3], minute=3))
    cache = BlobCache(store.objects)
    ids = [edit.id for edit in edits]
    assert cache.edits(store, second, [ids[1], ids[0], ids[1]]) == [edits[1], edits[0], edits[1]]
    monkeypatch.setattr("wisedb.store.index.index.Index.run", lambda *_, **__: pytest.fail("the index was asked"))
    # One at a time they come from the commit that brought them.
    assert cache.edits(store, second, ids[:3]) == edits[:3]
    assert cache.edits(store, third, ids) == edits
    assert cache.edits(store, first, []) == []


def test_an_edit_that_no_commit_holds_is_unknown(store: Store, kit: Kit) -> None:
    commit = store.objects.commit(kit.write(store, kit.edit(0)))
    with pytest.raises(UnknownEdit):
        BlobCache(store.objects).edits(store, commit, [kit.edit(0).id, "f" * 64])


def test_a_damaged_blob_of_edits_is_the_indexs_business(store: Store, kit: Kit) -> None:
    commit = store.objects.commit(kit.write(store, kit.edit(0)))
    store.index.ensure()
    assert commit.edits is not None
    path = store.objects.blob_path(commit.edits)
    path.chmod(0o644)
    path.write_bytes(b"?" * path.stat().st_size)
    assert BlobCache(store.objects).edits(store, commit, [kit.edit(0).id]) == [kit.edit(0)]
