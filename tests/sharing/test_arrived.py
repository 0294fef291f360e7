"""What came in bundles waits on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sharing.conftest import Large
from wisedb.canonical import digest
from wisedb.errors import CorruptObject
from wisedb.sharing.arrived import Arrived
from wisedb.sharing.bundle import Contents, write_bundle

A, B, C = (digest(bytes([number])) for number in range(3))


def test_what_came_is_there_by_id_until_it_is_closed(tmp_path: Path, kit: Large) -> None:
    commit = kit.commit()
    arrived = Arrived(tmp_path)
    added = arrived.add(*write_bundle(Contents({commit.id: commit.to_bytes()}, {A: b"a" * 99}, {B: b"header"})))
    arrived.add(*write_bundle(Contents(blobs={A: b"another encoding", C: b""})))
    assert added == {B: 6}
    assert (set(arrived.commits), set(arrived.blobs), set(arrived.headers)) == ({commit.id}, {A, C}, {B})
    assert arrived.commit(commit.id) == commit.to_bytes() and arrived.header(B) == b"header"
    assert arrived.blob(A) == b"a" * 99 and arrived.blob(C) == b""
    assert arrived.commit(A) is arrived.blob(B) is arrived.header(A) is None
    assert list(tmp_path.iterdir()) == []
    arrived.close()


def test_a_damaged_bundle_is_said(tmp_path: Path) -> None:
    bundle, data = write_bundle(Contents(blobs={A: b"a"}))
    arrived = Arrived(tmp_path / "none")
    with pytest.raises(CorruptObject):
        arrived.add(bundle, data[:-1] + b"x")
    arrived.close()
