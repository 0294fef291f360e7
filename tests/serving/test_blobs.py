"""New blobs stand in front of the store's until they land."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from wisedb.serving.blobs import PendingBlobs
from wisedb.store.blobs import Array, Blob


def blob(name: str) -> Blob:
    return Blob("test", {"name": name}, {"data": Array("U8", (1,), b"\x01")})


class Stored:
    """A source that says what it was asked to have at hand."""

    def __init__(self, *blobs: Blob) -> None:
        self.blobs = {each.id: each for each in blobs}
        self.ensured: list[str] = []

    def get(self, blob_id: str, /) -> Blob:
        return self.blobs[blob_id]

    def ensure(self, blob_ids: Iterable[str], /) -> None:
        self.ensured += blob_ids


def test_new_ones_come_first_and_all_others_from_behind() -> None:
    old, new = blob("old"), blob("new")
    pending = PendingBlobs(Stored(old))
    assert pending.put(new) == new.id
    assert pending.get(new.id) is new and pending.get(old.id) is old
    with pytest.raises(KeyError):
        pending.get(blob("unknown").id)


def test_only_what_is_stored_is_fetched() -> None:
    old, new = blob("old"), blob("new")
    behind = Stored(old)
    pending = PendingBlobs(behind)
    pending.put(new)
    pending.ensure([new.id, old.id])
    assert behind.ensured == [old.id]


def test_an_earlier_version_is_remembered_for_the_new_one_alone() -> None:
    first, second = blob("first"), blob("second")
    pending = PendingBlobs(Stored())
    pending.put(first)
    pending.put(second, first.id)
    assert pending.delta_bases == {second.id: first.id} and list(pending.blobs) == [first.id, second.id]
