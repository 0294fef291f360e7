"""Files are there whole or not at all; what the system says is said plainly."""

from __future__ import annotations

import errno
import os
import socket
import stat
import time
from pathlib import Path

import pytest

from wisedb.errors import MissingObject, NoSpace, StoreBusy, StoreError, StoreNotWritable
from wisedb.store.disk_errors import storage_errors
from wisedb.store.files import TEMPORARY, Disk, is_temporary


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_write_and_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "name"
    Disk().write(path, b"one")
    Disk().write(path, b"two")
    assert Disk().read(path) == Disk().read_if_there(path) == b"two"
    assert files(tmp_path) == ["name"]
    with pytest.raises(MissingObject):
        Disk().read(tmp_path / "none")
    assert Disk().read_if_there(tmp_path / "none") is None
    assert Disk().read_if_there(path / "below a file") is None
    with pytest.raises(StoreError):
        Disk().read(tmp_path)


def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        Disk().write(tmp_path / "name", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "name").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, NoSpace),
        (errno.EDQUOT, NoSpace),
        (errno.EACCES, StoreNotWritable),
        (errno.EROFS, StoreNotWritable),
        (errno.EIO, StoreError),
    ],
)
@pytest.mark.parametrize("step", ["create", "write", "flush name", "rename"])
def test_a_failed_write_changes_nothing_and_says_why(
    tmp_path: Path, number: int, expected: type[StoreError], step: str
) -> None:
    def fault(name: str) -> None:
        if name.startswith(step):
            raise OSError(number, os.strerror(number))

    path = tmp_path / "name"
    path.write_bytes(b"old")
    with pytest.raises(StoreError) as caught:
        Disk(fault).write(path, b"new")
    assert type(caught.value) is expected
    assert str(path) in str(caught.value) and caught.value.hint and "\n" not in str(caught.value)
    assert files(tmp_path) == ["name"] and path.read_bytes() == b"old"


def test_a_folder_that_can_not_be_flushed_is_not_called_unchanged(tmp_path: Path) -> None:
    def fault(name: str) -> None:
        if name.startswith("flush folder"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoreError, match="is written") as caught:
        Disk(fault).write(tmp_path / "name", b"new")
    assert not isinstance(caught.value, NoSpace)
    assert (tmp_path / "name").read_bytes() == b"new"


def test_append_cuts_off_what_a_dead_process_left(tmp_path: Path) -> None:
    disk, path = Disk(), tmp_path / "log"
    disk.append(path, b"one")
    with path.open("ab") as file:
        file.write(b"x" * 10_000)
    disk.append(path, b"two")
    assert path.read_bytes() == b"one\ntwo\n"
    path.write_bytes(b"cut")
    disk.append(path, b"three")
    assert path.read_bytes() == b"three\n"


def test_remove(tmp_path: Path) -> None:
    (tmp_path / "name").touch()
    assert Disk().remove(tmp_path / "name")
    assert not Disk().remove(tmp_path / "name")


def test_a_claim_of_a_dead_process_is_taken_over_and_that_of_another_machine_is_not(tmp_path: Path) -> None:
    path, claim = tmp_path / "main", tmp_path / "main.lock"
    with Disk().claim(path):
        assert claim.read_text() == socket.gethostname()
    assert not claim.exists()
    for dead in (socket.gethostname(), ""):
        claim.write_text(dead)
        with Disk().claim(path):
            pass
        assert not claim.exists()
    claim.write_text("some other machine")
    with pytest.raises(StoreBusy, match="another machine"), Disk().claim(path):
        pass
    assert claim.exists()
    os.utime(claim, (time.time() - 100, time.time() - 100))
    with Disk().claim(path):
        assert claim.read_text() == socket.gethostname()


def test_unfinished_files_are_known_by_name() -> None:
    assert is_temporary(Path("a") / f"{TEMPORARY}1-2") and not is_temporary(Path("a") / "main")


def test_errors_of_our_own_pass_through(tmp_path: Path) -> None:
    with pytest.raises(StoreBusy), storage_errors(tmp_path):
        raise StoreBusy("busy")
