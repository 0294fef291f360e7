"""Where the objects' files are, and which files are objects'."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wisedb.errors import CorruptObject
from wisedb.store.files import Disk
from wisedb.store.loose_objects import BLOB_SUFFIX, COMMIT_SUFFIX, HEADER_SUFFIX, LooseObjects

ONE, OTHER, FAR = "ab" + "0" * 62, "ab" + "1" * 62, "cd" + "2" * 62


@pytest.fixture
def loose(tmp_path: Path) -> LooseObjects:
    return LooseObjects(tmp_path / "objects", Disk())


def test_only_an_id_becomes_a_path(loose: LooseObjects) -> None:
    assert loose.path(ONE, BLOB_SUFFIX) == loose.folder / "ab" / ("0" * 62 + ".safetensors")
    for name in ("", "..", "../../../etc/passwd", ONE + "\n", ONE.upper()):
        with pytest.raises(CorruptObject):
            loose.path(name, BLOB_SUFFIX)


def test_ids_are_listed_once_sorted_and_by_their_kind(loose: LooseObjects) -> None:
    assert list(loose.ids(BLOB_SUFFIX)) == []
    for object_id, suffix in (
        (FAR, BLOB_SUFFIX), (OTHER, HEADER_SUFFIX), (ONE, BLOB_SUFFIX), (ONE, HEADER_SUFFIX), (OTHER, COMMIT_SUFFIX)
    ):  # fmt: skip
        loose.write(loose.path(object_id, suffix), b"content")
    (loose.folder / "ab" / "droppings.safetensors").write_bytes(b"")
    (loose.folder / "ab" / ("3" * 62 + ".tmp")).write_bytes(b"")
    assert list(loose.ids(BLOB_SUFFIX, HEADER_SUFFIX)) == [ONE, OTHER, FAR]
    assert list(loose.ids(COMMIT_SUFFIX)) == [OTHER]
    assert list(loose.ids(BLOB_SUFFIX, HEADER_SUFFIX, prefix="ab1")) == [OTHER]
    assert list(loose.ids(BLOB_SUFFIX, prefix="c")) == [FAR]


def test_a_file_that_is_wanted_again_looks_young(loose: LooseObjects) -> None:
    path = loose.path(ONE, BLOB_SUFFIX)
    assert not loose.freshen(path)
    loose.write(path, b"content")
    os.utime(path, (0, 0))
    assert loose.freshen(path) and path.stat().st_mtime > 0 and path.read_bytes() == b"content"
