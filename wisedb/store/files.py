"""Files that are either there whole or not at all, whatever happens to the process or to the power.

A write goes to a temporary file in the target's own folder, is flushed to the disk, takes its name by one rename, and
the folder is flushed too. Readers never see a half-written file; what a dead process leaves behind begins with
:data:`TEMPORARY` and is ignored by all.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wisedb.errors import MissingObject, NoSpace, StoreBusy, StoreError, StoreNotWritable

TEMPORARY: Final = ".tmp-"
"""How the names of unfinished files begin."""

Fault = Callable[[str], None]
"""Called before each step of a write with the step's name. Tests raise, or end the process, from it."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def no_fault(step: str) -> None:
    """Let every step pass."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Writes that survive.

    Attributes:
        fault: called before each step, see :data:`Fault`.
    """

    fault: Fault = no_fault

    def write(self, path: Path, data: bytes, *, mode: int = 0o666) -> None:
        """Put ``data`` at ``path``, replacing what is there, so that it is there whole or not at all.

        The folder is made if it is missing. ``mode`` is what the umask leaves of it.

        Raises:
            NoSpace: the disk is full; nothing has changed.
            StoreNotWritable: the folder or the disk is read-only for this user; nothing has changed.
            StoreError: any other failure of the disk; the message says whether the file was written.
        """
        with storage_errors(path):
            self.make_folder(path.parent)
            temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
            try:
                self.fault(f"create {path.name}")
                handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
                try:
                    self.fault(f"write {path.name}")
                    _write_all(handle, data)
                    self.fault(f"flush {path.name}")
                    os.fsync(handle)
                finally:
                    os.close(handle)
                self.fault(f"rename {path.name}")
                temporary.replace(path)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
            try:
                self.fault(f"flush folder of {path.name}")
                sync_folder(path.parent)
            except OSError as error:
                # The new content has its name: to say that nothing has changed would be a lie.
                raise StoreError(
                    f"{path} is written, but may not outlast a loss of power: {error.strerror or error}",
                    hint="Check the disk, then run `wisedb fsck`.",
                ) from error

    def append(self, path: Path, line: bytes) -> None:
        """Add ``line`` and a line feed to a file of lines, and flush it.

        A last line without its line feed is what a process left that died here: it is cut off first.

        Raises:
            NoSpace, StoreNotWritable, StoreError: as :meth:`write`.
        """
        with storage_errors(path):
            self.make_folder(path.parent)
            self.fault(f"append to {path.name}")
            fresh = not path.exists()
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                end = _whole_lines(handle)
                os.ftruncate(handle, end)
                os.lseek(handle, end, os.SEEK_SET)
                try:
                    _write_all(handle, line + b"\n")
                except OSError:
                    os.ftruncate(handle, end)
                    raise
                self.fault(f"flush {path.name}")
                os.fsync(handle)
            finally:
                os.close(handle)
            if fresh:
                sync_folder(path.parent)

    def remove(self, path: Path) -> bool:
        """Delete the file at ``path`` for good; whether there was one.

        Raises:
            StoreNotWritable, StoreError: as :meth:`write`.
        """
        with storage_errors(path):
            self.fault(f"remove {path.name}")
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            sync_folder(path.parent)
            return True

    @contextmanager
    def claim(self, path: Path, *, stale: float = 60.0) -> Iterator[None]:
        """Hold ``<path>.lock`` inside the ``with``: a file that only one can make.

        For callers that hold the store's lock already: then a claim of this machine is a dead process's and is taken
        over. One of another machine (whose ``flock`` the file system may not pass on) is so after ``stale`` seconds.

        Raises:
            StoreBusy: another machine is at it.
            NoSpace, StoreNotWritable, StoreError: as :meth:`write`.
        """
        claim = path.with_name(f"{path.name}.lock")
        host = socket.gethostname().encode()
        with storage_errors(claim):
            self.make_folder(path.parent)
            self.fault(f"claim {path.name}")
            try:
                handle = os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            except FileExistsError:
                if claim.read_bytes() not in (host, b"") and time.time() - claim.stat().st_mtime < stale:
                    raise StoreBusy(
                        f"{path.name} is being written by another machine", hint=f"If none is, delete {claim}."
                    ) from None
                handle = os.open(claim, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
            try:
                _write_all(handle, host)
            finally:
                os.close(handle)
        try:
            yield
        finally:
            with suppress(OSError):
                claim.unlink()

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it, and flush their entries.

        Raises:
            NoSpace, StoreNotWritable, StoreError: as :meth:`write`.
        """
        if path.is_dir():
            return
        with storage_errors(path):
            self.make_folder(path.parent)
            path.mkdir(exist_ok=True)
            sync_folder(path.parent)


def read_file(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        MissingObject: there is no such file.
        StoreError: the file can't be read.
    """
    with reading_errors(path):
        return path.read_bytes()


def read_if_there(path: Path) -> bytes | None:
    """The file's bytes, ``None`` where there is no file.

    Raises:
        StoreError: the file can't be read.
    """
    try:
        return read_file(path)
    except MissingObject:
        return None


def sync_folder(path: Path) -> None:
    """Flush a folder's entries, so that a rename in it survives a loss of power."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems can't flush folders; there, the rename itself is all the order one gets.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def is_temporary(path: Path) -> bool:
    """Whether a file is an unfinished one."""
    return path.name.startswith(TEMPORARY)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a write into the store's own errors."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise NoSpace(
                f"no space left for {path}: {reason}",
                hint="Nothing has changed. Free some space (`wisedb gc` may find some) and try again.",
            ) from error
        if error.errno in _FORBIDDEN:
            raise StoreNotWritable(
                f"{path} can't be written: {reason}",
                hint="Nothing has changed. Make the folder writable for you, or work in a clone.",
            ) from error
        raise StoreError(f"{path} can't be written: {reason}", hint="Check the disk, then try again.") from error


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a read into the store's own errors."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingObject(f"{path} isn't there", hint="Run `wisedb fsck --repair`, or restore a backup.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "Check the file's permissions." if error.errno in _FORBIDDEN else "Check the disk; run `wisedb fsck`."
        raise StoreError(f"{path} can't be read: {reason}", hint=hint) from error


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _whole_lines(handle: int) -> int:
    """The offset behind the last line feed."""
    end = os.lseek(handle, 0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 4096)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
