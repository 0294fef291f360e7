"""Versions are stored as differences, and come back bit for bit; a difference that can't be read is never made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.versions import version
from wisedb.errors import CorruptObject, MissingObject
from wisedb.store.container import MAX_DEPTH
from wisedb.store.delta import closure, encode_blob, find_references
from wisedb.store.files import Disk
from wisedb.store.objects import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects", Disk())


def test_a_version_is_stored_as_a_difference_and_chains_are_bounded(objects: Objects) -> None:
    last, depths, sizes = None, [], []
    for seed in range(2 * MAX_DEPTH + 2):
        last = objects.put(version(seed), delta_base=last)
        depths.append(objects.header(last).arrays["values"].depth)
        sizes.append(objects.size(last))
    assert depths == [*range(MAX_DEPTH + 1), *range(MAX_DEPTH + 1)]
    assert sizes[1] < 0.6 * sizes[0]
    assert all(objects.get(version(seed).id) == version(seed) for seed in range(2 * MAX_DEPTH + 2))


def test_the_id_knows_nothing_of_the_encoding(tmp_path: Path) -> None:
    one, other = Objects(tmp_path / "one", Disk()), Objects(tmp_path / "other", Disk(), chain=0)
    for objects in (one, other):
        objects.put(version(0))
        objects.put(version(1), delta_base=version(0).id)
    assert one.header(version(1).id).references == {version(0).id}
    assert other.header(version(1).id).references == set()
    assert one.get(version(1).id) == other.get(version(1).id)


def test_near_is_only_a_hint(objects: Objects) -> None:
    objects.put(version(0))
    objects.blob_path(version(0).id).chmod(0o644)
    objects.blob_path(version(0).id).write_bytes(b"rubbish")
    for delta_base in (version(0).id, "f" * 64, version(1).id):
        objects.put(version(1), delta_base=delta_base)
        assert objects.get(version(1).id) == version(1)
        objects.blob_path(version(1).id).unlink()


def test_a_lost_or_damaged_reference_is_said(objects: Objects) -> None:
    objects.put(version(0))
    objects.put(version(1), delta_base=version(0).id)
    path = objects.blob_path(version(0).id)
    whole = path.read_bytes()
    path.unlink()
    with pytest.raises(MissingObject, match=f"{version(1).id[:12]}.*difference.*{version(0).id[:12]}"):
        objects.get(version(1).id)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CorruptObject, match=version(0).id[:12]):
        objects.get(version(1).id)
    # Kind and meta need no reference.
    assert objects.meta(version(1).id) == ("delta", {"edits": ["1"]})


def test_putting_a_damaged_blob_again_heals_it_and_what_depends_on_it(objects: Objects) -> None:
    objects.put(version(0))
    objects.put(version(1), delta_base=version(0).id)
    path = objects.blob_path(version(0).id)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    objects.put(version(0), delta_base=version(1).id)
    assert objects.get(version(0).id) == version(0)
    assert objects.get(version(1).id) == version(1)


def test_a_ring_of_differences_ends(objects: Objects) -> None:
    objects.put(version(0))
    objects.put(version(1), delta_base=version(0).id)
    first = objects.header(version(0).id)
    # Pretend that the first one is a difference to the second: no honest writer makes that.
    header, payload = encode_blob(version(0), find_references(objects._read, version(0), version(1).id, MAX_DEPTH))
    assert header.id == first.id and header.references == {version(1).id}
    objects.disk.write(objects.blob_path(version(0).id), header.to_bytes() + payload)
    with pytest.raises(CorruptObject, match="chain"):
        objects.get(version(1).id)
    # Storing a blob of the ring again doesn't go round in it for ever either.
    objects.put(version(0))


def test_a_difference_to_a_blob_that_was_read_is_the_one_that_reading_gives(tmp_path: Path) -> None:
    written = []
    for name, known in (("by its id", version(1).id), ("as it is", version(1))):
        objects = Objects(tmp_path / name, Disk())
        objects.put(version(0))
        objects.put(version(1), delta_base=version(0).id)
        objects.put(version(2), delta_base=known)
        written.append(objects.blob_path(version(2).id).read_bytes())
    assert written[0] == written[1]
    assert objects.get(version(2).id) == version(2)
    assert objects.header(version(2).id).references == {version(1).id}


def test_nothing_is_stored_as_a_difference_to_what_cant_be_read_any_more(objects: Objects) -> None:
    objects.put(version(0))
    objects.put(version(1), delta_base=version(0).id)
    objects.blob_path(version(0).id).unlink()
    objects.put(version(2), delta_base=version(1))
    assert objects.header(version(2).id).references == set()
    assert objects.get(version(2).id) == version(2)


def test_nothing_is_stored_as_a_difference_to_what_the_store_never_held(objects: Objects) -> None:
    objects.put(version(2), delta_base=version(1))
    assert objects.header(version(2).id).references == set()
    assert objects.get(version(2).id) == version(2)


def test_the_closure_is_all_that_decoding_needs(objects: Objects) -> None:
    for seed in range(3):
        objects.put(version(seed), delta_base=version(seed - 1).id if seed else None)
    objects.put(version(9))
    first, second, third = (version(seed).id for seed in range(3))
    assert sorted(closure([third, second], objects.header)) == sorted([first, second, third])
    assert list(closure([first], objects.header)) == [first]
