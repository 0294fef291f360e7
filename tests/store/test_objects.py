"""Objects come back bit for bit, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from tests.store.conftest import Kit
from tests.store.versions import floats, version
from wisedb.errors import CorruptObject, MissingObject, NoSpace, StoreError
from wisedb.store.blobs import ITEM_SIZES, Array, Blob
from wisedb.store.files import Disk
from wisedb.store.objects import Objects
from wisedb.store.store import Store


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects", Disk())


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
