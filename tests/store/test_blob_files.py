"""A blob's file is that blob's, or an error; its header alone proves less, and enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.versions import version
from wisedb.errors import CorruptObject, MissingObject
from wisedb.store.blob_files import parse_blob, parse_header, read_blob, read_blob_header
from wisedb.store.delta import encode_blob
from wisedb.store.files import Disk


def test_a_file_there_and_back(tmp_path: Path) -> None:
    header, payload = encode_blob(version(0))
    path = tmp_path / "blob"
    path.write_bytes(header.to_bytes() + payload)
    assert read_blob(version(0).id, path, Disk()) == (header, payload) == parse_blob(version(0).id, path.read_bytes())
    assert read_blob_header(version(0).id, path, Disk()) == header == parse_header(version(0).id, header.to_bytes())


def test_a_damaged_payload_leaves_the_header(tmp_path: Path) -> None:
    header, payload = encode_blob(version(0))
    path = tmp_path / "blob"
    path.write_bytes(header.to_bytes() + payload[:-1] + bytes([payload[-1] ^ 1]))
    with pytest.raises(CorruptObject, match=version(0).id[:12]):
        read_blob(version(0).id, path, Disk())
    with pytest.raises(CorruptObject):
        parse_blob(version(0).id, path.read_bytes())
    assert read_blob_header(version(0).id, path, Disk()) == header


def test_another_blobs_file_is_refused(tmp_path: Path) -> None:
    header, payload = encode_blob(version(0))
    path = tmp_path / "blob"
    path.write_bytes(header.to_bytes() + payload)
    for read in (read_blob, read_blob_header):
        with pytest.raises(CorruptObject, match="another hash"):
            read(version(1).id, path, Disk())
        with pytest.raises(MissingObject, match="isn't in the store"):
            read(version(0).id, tmp_path / "nothing", Disk())
    with pytest.raises(CorruptObject, match="another hash"):
        parse_blob(version(1).id, path.read_bytes())
    with pytest.raises(CorruptObject, match="another hash"):
        parse_header(version(1).id, header.to_bytes())
