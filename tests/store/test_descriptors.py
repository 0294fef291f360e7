"""What is written by a descriptor is written whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from wisedb.store.descriptors import flush_folder, whole_lines, write_all


def test_all_is_written_though_the_system_takes_a_part_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data)[:3]))
    handle = os.open(tmp_path / "name", os.O_RDWR | os.O_CREAT)
    write_all(handle, b"0123456789")
    os.close(handle)
    assert (tmp_path / "name").read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    ("content", "end"), [(b"", 0), (b"a", 0), (b"a\n", 2), (b"a\nb", 2), (b"a\n" + b"b" * 9999, 2)]
)
def test_where_the_last_whole_line_ends(tmp_path: Path, content: bytes, end: int) -> None:
    (tmp_path / "name").write_bytes(content)
    handle = os.open(tmp_path / "name", os.O_RDONLY)
    assert whole_lines(handle) == end
    os.close(handle)


@pytest.mark.parametrize(("number", "passes"), [(errno.EINVAL, True), (errno.ENOTSUP, True), (errno.EIO, False)])
def test_a_file_system_that_can_not_flush_folders_will_do(
    monkeypatch: pytest.MonkeyPatch, number: int, passes: bool
) -> None:
    def fsync(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    if passes:
        flush_folder(0)
    else:
        with pytest.raises(OSError, match=os.strerror(number)):
            flush_folder(0)
