"""Files that are either there whole or not at all, whatever happens to the process or to the power.

A write goes to a temporary file in the target's own folder, is flushed to the disk, takes its name by one rename, and
the folder is flushed too. Readers never see a half-written file; what a dead process leaves behind begins with
:data:`TEMPORARY` and is ignored by all.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from wisedb.errors import MissingObject, StoreBusy, StoreError
from wisedb.store.beneath import folder_beneath, open_beneath, refuse_odd, walk_beneath
from wisedb.store.descriptors import flush_folder, whole_lines, write_all
from wisedb.store.disk_errors import reading_errors, storage_errors

TEMPORARY: Final = ".tmp-"
"""How the names of unfinished files begin."""

Fault = Callable[[str], None]
"""Called before each step of a write with the step's name. Tests raise, or end the process, from it."""

_LONGEST_CLAIM: Final = 1 << 10


def no_fault(step: str) -> None:
    """Let every step pass."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Writes that survive, and reads of plain files.

    Attributes:
        fault: called before each step, see :data:`Fault`.
        root: a folder that may come from somebody else: beneath it no link is followed
            (:mod:`wisedb.store.beneath`). ``None`` where all paths are the user's own.
    """

    fault: Fault = no_fault
    root: Path | None = None

    # Reading

    @contextmanager
    def open(self, path: Path) -> Iterator[BinaryIO]:
        """A file that is read inside the ``with``.

        Raises:
            MissingObject: there is no such file.
            UnsafeFile: it is a link, a pipe or a device.
            StoreError: the file can't be read.
        """
        with reading_errors(path), os.fdopen(open_beneath(path, self.root), "rb") as file:
            yield file

    def read(self, path: Path) -> bytes:
        """The file's bytes.

        Raises:
            MissingObject, UnsafeFile, StoreError: as :meth:`open`.
        """
        # Not by open(): every object is read so.
        with reading_errors(path), os.fdopen(open_beneath(path, self.root), "rb", buffering=0) as file:
            return file.readall()

    def read_if_there(self, path: Path) -> bytes | None:
        """The file's bytes, ``None`` where there is no file.

        Raises:
            UnsafeFile, StoreError: as :meth:`open`.
        """
        try:
            return self.read(path)
        except MissingObject:
            return None

    def size(self, path: Path) -> int:
        """The file's length.

        Raises:
            MissingObject, UnsafeFile, StoreError: as :meth:`open`.
        """
        with self.open(path) as file:
            return os.fstat(file.fileno()).st_size

    def names(self, folder: Path) -> list[str]:
        """The names of all that is directly in a folder, sorted; none where there is no folder.

        Raises:
            UnsafeFile, StoreError: it is a link, or can't be read.
        """
        with reading_errors(folder):
            try:
                with folder_beneath(folder, self.root) as handle:
                    return sorted(os.listdir(handle))  # noqa: PTH208 - a descriptor is no path
            except (FileNotFoundError, NotADirectoryError):
                return []

    def walk(self, folder: Path) -> list[Path]:
        """All files in a folder and in those below it, sorted; none where there is no folder. Links are among them.

        Raises:
            UnsafeFile, StoreError: as :meth:`names`.
        """
        with reading_errors(folder):
            return sorted(walk_beneath(folder, self.root))

    # Writing

    def write(self, path: Path, data: bytes, *, mode: int = 0o666) -> None:
        """Put ``data`` at ``path``, replacing what is there, so that it is there whole or not at all.

        The folder is made if it is missing. ``mode`` is what the umask leaves of it.

        Raises:
            NoSpace: the disk is full; nothing has changed.
            StoreNotWritable: the folder or the disk is read-only for this user; nothing has changed.
            UnsafeFile: a folder on the way is a link; nothing has changed.
            StoreError: any other failure of the disk; the message says whether the file was written.
        """
        with storage_errors(path):
            self.make_folder(path.parent)
            with folder_beneath(path.parent, self.root) as folder:
                temporary = f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
                try:
                    self.fault(f"create {path.name}")
                    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                    handle = os.open(temporary, flags, mode, dir_fd=folder)
                    try:
                        self.fault(f"write {path.name}")
                        write_all(handle, data)
                        self.fault(f"flush {path.name}")
                        os.fsync(handle)
                    finally:
                        os.close(handle)
                    self.fault(f"rename {path.name}")
                    # Over a link this puts the file in the link's place.
                    os.rename(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(temporary, dir_fd=folder)
                    raise
                try:
                    self.fault(f"flush folder of {path.name}")
                    flush_folder(folder)
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
            UnsafeFile: it is a link, a pipe or a device; nothing was touched.
        """
        with storage_errors(path):
            self.make_folder(path.parent)
            self.fault(f"append to {path.name}")
            fresh = not path.exists()
            handle = open_beneath(path, self.root, os.O_RDWR | os.O_CREAT)
            try:
                end = whole_lines(handle)
                os.ftruncate(handle, end)
                os.lseek(handle, end, os.SEEK_SET)
                try:
                    write_all(handle, line + b"\n")
                except OSError:
                    os.ftruncate(handle, end)
                    raise
                self.fault(f"flush {path.name}")
                os.fsync(handle)
            finally:
                os.close(handle)
            if fresh:
                self.sync(path.parent)

    def remove(self, path: Path) -> bool:
        """Delete the file at ``path`` for good; whether there was one. Of a link, the link itself.

        Raises:
            StoreNotWritable, UnsafeFile, StoreError: as :meth:`write`.
        """
        with storage_errors(path):
            self.fault(f"remove {path.name}")
            try:
                with folder_beneath(path.parent, self.root) as folder:
                    os.unlink(path.name, dir_fd=folder)
                    flush_folder(folder)
            except FileNotFoundError:
                return False
            return True

    def remove_folder(self, path: Path) -> None:
        """Delete a folder with all that is in it, if it is there; no link in it is followed.

        Raises:
            StoreNotWritable, UnsafeFile, StoreError: some of it may be gone.
        """
        with storage_errors(path), suppress(FileNotFoundError), folder_beneath(path.parent, self.root) as folder:
            refuse_odd(path, folder, path.name)
            shutil.rmtree(path.name, dir_fd=folder)

    @contextmanager
    def claim(self, path: Path, *, stale: float = 60.0) -> Iterator[None]:
        """Hold ``<path>.lock`` inside the ``with``: a file that only one can make.

        For callers that hold the store's lock already: then a claim of this machine is a dead process's and is taken
        over. One of another machine (whose ``flock`` the file system may not pass on) is so after ``stale`` seconds.

        Raises:
            StoreBusy: another machine is at it.
            NoSpace, StoreNotWritable, UnsafeFile, StoreError: as :meth:`write`.
        """
        claim = path.with_name(f"{path.name}.lock")
        host = socket.gethostname().encode()
        with storage_errors(claim):
            self.make_folder(path.parent)
            self.fault(f"claim {path.name}")
            try:
                handle = open_beneath(claim, self.root, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                handle = open_beneath(claim, self.root, os.O_RDWR)
                holder, age = os.pread(handle, _LONGEST_CLAIM, 0), time.time() - os.fstat(handle).st_mtime
                if holder not in (host, b"") and age < stale:
                    os.close(handle)
                    raise StoreBusy(
                        f"{path.name} is being written by another machine", hint=f"If none is, delete {claim}."
                    ) from None
                os.ftruncate(handle, 0)
            try:
                write_all(handle, host)
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
            UnsafeFile: it is there, and is a link, or a folder on the way is.
        """
        with storage_errors(path):
            try:
                with folder_beneath(path, self.root):
                    return
            except FileNotFoundError:
                pass
            self.make_folder(path.parent)
            with folder_beneath(path.parent, self.root) as folder:
                with suppress(FileExistsError):
                    os.mkdir(path.name, dir_fd=folder)
                flush_folder(folder)

    def sync(self, folder: Path) -> None:
        """Flush a folder's entries, so that a rename in it survives a loss of power.

        Raises:
            OSError: they can't be.
        """
        with folder_beneath(folder, self.root) as handle:
            flush_folder(handle)


def is_temporary(path: Path) -> bool:
    """Whether a file is an unfinished one."""
    return path.name.startswith(TEMPORARY)
