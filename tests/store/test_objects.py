"""Objects come back bit for bit, or not at all."""

from __future__ import annotations

import errno
import os
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from tests.store.conftest import Kit
from wisedb.errors import CorruptObject, MissingObject, NoSpace, StoreError
from wisedb.store.blobs import ITEM_SIZES, Array, Blob
from wisedb.store.container import MAX_DEPTH
from wisedb.store.files import Disk
from wisedb.store.objects import Objects
from wisedb.store.store import Store


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects", Disk())


def floats(seed: int, count: int = 4096) -> Array:
    """Numbers around 1 that differ a little from seed to seed."""
    noise, drift = random.Random(0), random.Random(seed)
    data = struct.pack(f"<{count}f", *(noise.gauss(0, 1) * (1 + 1e-5 * seed * drift.random()) for _ in range(count)))
    return Array("F32", (count,), data)


def version(seed: int) -> Blob:
    return Blob("delta", {"edits": [str(seed)]}, {"values": floats(seed)})


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    dtype = draw(st.sampled_from(sorted(ITEM_SIZES)))
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    length = ITEM_SIZES[dtype]
    for size in shape:
        length *= size
    return Array(dtype, shape, draw(st.binary(min_size=length, max_size=length)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
blobs = st.builds(
    Blob,
    st.sampled_from(["delta", "pool", "code_book"]),
    st.dictionaries(st.text(), json_values, max_size=3),
    st.dictionaries(st.sampled_from(["values", "bits", "a", "b_c"]), arrays(), max_size=3),
)


@settings(deadline=None, max_examples=60)
@given(blobs, blobs)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, first: Blob, second: Blob) -> None:
    objects = Objects(tmp_path_factory.mktemp("objects"), Disk())
    before = objects.put(first)
    after = objects.put(second, delta_base=before)
    for blob_id, blob in ((before, first), (after, second)):
        assert blob_id == blob.id
        assert objects.get(blob_id) == blob
        assert objects.meta(blob_id) == (blob.kind, blob.meta)
        with safe_open(objects.blob_path(blob_id), framework="numpy") as file:
            assert set(file.keys()) == set(blob.arrays)
    assert list(objects.ids()) == sorted({first.id, second.id})


def test_equal_content_is_written_once_and_the_same_bytes_everywhere(tmp_path: Path) -> None:
    one, other = Objects(tmp_path / "one", Disk()), Objects(tmp_path / "other", Disk())
    blob_id = one.put(version(0))
    stamp = one.blob_path(blob_id).stat().st_ino
    assert one.put(version(0)) == blob_id
    assert one.blob_path(blob_id).stat().st_ino == stamp
    other.put(version(0))
    assert one.blob_path(blob_id).read_bytes() == other.blob_path(blob_id).read_bytes()


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
    header, payload = objects._encode(version(0), version(1).id)
    assert header.id == first.id and header.references == {version(1).id}
    objects.disk.write(objects.blob_path(version(0).id), header.to_bytes() + payload)
    with pytest.raises(CorruptObject, match="chain"):
        objects.get(version(1).id)
    # Storing a blob of the ring again doesn't go round in it for ever either.
    objects.put(version(0))


def test_every_flipped_bit_is_found(objects: Objects) -> None:
    blob = Blob("delta", {"edits": ["1"]}, {"values": floats(1, 10), "bits": Array("U8", (3,), b"abc")})
    path = objects.blob_path(objects.put(blob))
    whole = path.read_bytes()
    path.chmod(0o644)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        with pytest.raises(CorruptObject) as caught:
            objects.get(blob.id)
        assert "\n" not in str(caught.value) and caught.value.hint
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptObject):
            objects.get(blob.id)


def test_a_sound_file_under_another_name_is_no_object(objects: Objects) -> None:
    objects.put(version(0))
    objects.put(version(1))
    path = objects.blob_path(version(0).id)
    path.unlink()
    path.write_bytes(objects.blob_path(version(1).id).read_bytes())
    for read in (objects.get, objects.meta):
        with pytest.raises(CorruptObject, match="hash"):
            read(version(0).id)


@pytest.mark.parametrize("name", ["", "..", "../../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "g" * 64])
def test_only_an_id_becomes_a_path(objects: Objects, name: str) -> None:
    assert not objects.has(name) and not objects.has_commit(name)
    for read in (objects.get, objects.meta, objects.commit, objects.size, objects.blob_path):
        with pytest.raises(CorruptObject):
            read(name)


def test_what_is_not_there_is_said(objects: Objects) -> None:
    for read in (objects.get, objects.meta, objects.commit, objects.size):
        with pytest.raises(MissingObject):
            read("a" * 64)
    assert list(objects.ids()) == [] and list(objects.commit_ids()) == []


def test_one_array_alone(objects: Objects) -> None:
    objects.put(version(3))
    assert objects.array(version(3).id, "values") == floats(3)
    with pytest.raises(MissingObject):
        objects.array(version(3).id, "bits")


def test_commits(store: Store, kit: Kit) -> None:
    tip = store.resolve("HEAD")
    commit = kit.commit(tip, message="ü\nsecond line")
    assert store.objects.put_commit(commit) == commit.id
    assert store.objects.commit(commit.id) == commit
    assert sorted([tip, commit.id]) == list(store.objects.commit_ids())
    assert list(store.objects.commit_ids(tip[:5])) == [tip]
    assert list(store.objects.commit_ids(tip[:1])) == [
        found for found in sorted([tip, commit.id]) if found[0] == tip[0]
    ]
    path = store.objects.commit_path(commit.id)
    whole = path.read_bytes()
    path.chmod(0o644)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(CorruptObject):
            store.objects.commit(commit.id)
    store.objects.put_commit(commit)
    assert store.objects.commit(commit.id) == commit


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    steps: list[str] = []

    def full(step: str) -> None:
        steps.append(step)
        if step.startswith("flush "):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    objects = Objects(tmp_path / "objects", Disk(full))
    with pytest.raises(NoSpace) as caught:
        objects.put(version(0))
    assert caught.value.hint and "objects" in str(caught.value)
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []
    with pytest.raises(StoreError):
        objects.get(version(0).id)


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
