"""Objects from elsewhere are stored when they are what they say, and not before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.store.conftest import Kit
from wisedb.canonical import canonical_json, digest
from wisedb.edits import Edit
from wisedb.errors import CorruptObject, StoreError
from wisedb.store.fsck import fsck
from wisedb.store.receive import receive_blob, receive_commit
from wisedb.store.store import Store


def test_a_whole_store_travels_in_any_order(
    store: Store, make_store: Callable[[str], Store], kit: Kit, edits: list[Edit]
) -> None:
    for number in range(3):
        kit.write(store, edits[number], minute=number + 1)
    other = make_store("other")
    for blob_id in reversed(list(store.objects.ids())):
        receive_blob(other.objects, blob_id, store.objects.blob_path(blob_id).read_bytes())
    for commit_id in store.objects.commit_ids():
        data = store.objects.commit_path(commit_id).read_bytes()
        assert receive_commit(other.objects, commit_id, data) == store.objects.commit(commit_id)
    other.refs.update("HEAD", other.resolve("HEAD"), store.resolve("HEAD"), "pull")
    assert fsck(other).ok
    for blob_id in store.objects.ids():
        assert other.objects.blob_path(blob_id).read_bytes() == store.objects.blob_path(blob_id).read_bytes()


def test_damaged_ones_are_refused(
    store: Store, make_store: Callable[[str], Store], kit: Kit, edits: list[Edit]
) -> None:
    kit.write(store, edits[0])
    other = make_store("other")
    before = list(other.objects.ids()), list(other.objects.commit_ids())
    for blob_id in set(store.objects.ids()) - set(before[0]):
        whole = store.objects.blob_path(blob_id).read_bytes()
        for place in range(0, len(whole), 7):
            with pytest.raises(CorruptObject):
                receive_blob(other.objects, blob_id, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CorruptObject):
            receive_blob(other.objects, "a" * 64, whole)
        with pytest.raises(CorruptObject):
            receive_blob(other.objects, "../../x", whole)
    tip = store.resolve("HEAD")
    whole = store.objects.commit_path(tip).read_bytes()
    for data in (b"", whole[:-1], whole + b" ", whole.replace(b"Canberra", b"canberra")):
        with pytest.raises(CorruptObject):
            receive_commit(other.objects, tip, data)
    assert (list(other.objects.ids()), list(other.objects.commit_ids())) == before


@pytest.mark.parametrize("change", [{"extra": 1}, {"parents": ["../x"]}, {"author": "a\nb"}, {"format": 3}])
def test_a_commit_that_breaks_the_schema_is_refused_under_its_own_hash(
    store: Store, kit: Kit, change: dict[str, object]
) -> None:
    data = canonical_json({**kit.commit().to_json(), **change})
    with pytest.raises(StoreError, match="commit") as caught:
        receive_commit(store.objects, digest(data), data)
    assert caught.value.hint
    assert not store.objects.has_commit(digest(data))
    spaced = kit.commit(message="x").to_bytes().replace(b'":', b'": ')
    with pytest.raises(CorruptObject, match="canonical"):
        receive_commit(store.objects, digest(spaced), spaced)
