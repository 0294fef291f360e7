"""A pack in a folder of this machine, or of a disk that several share."""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from wisedb.errors import CorruptObject, MissingObject
from wisedb.progress import Listener
from wisedb.sharing.remotes.numbered import KEPT, NumberedRemote
from wisedb.sharing.remotes.protocol import Publication, Published
from wisedb.store.disk_errors import storage_errors
from wisedb.store.files import TEMPORARY, Disk, Fault, no_fault
from wisedb.store.leftovers import sweep, unfinished

# What file systems say that know no hard links (exFAT, many network shares, FUSE).
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


class FolderRemote(NumberedRemote):
    """A pack in a folder.

    Args:
        folder: the folder; the first push makes it.
        kept: see :data:`wisedb.sharing.remotes.numbered.KEPT`.
        fault: called before each step of a write, for tests.
    """

    def __init__(self, folder: Path, *, kept: int = KEPT, fault: Fault = no_fault) -> None:
        super().__init__(FolderFiles(folder, Disk(fault)), kept=kept)
        self._folder = folder

    def publish(self, publication: Publication, *, progress: Listener | None = None) -> Published:
        """See :class:`wisedb.sharing.remotes.protocol.Remote`; what pushes that died left behind goes afterwards."""
        published = super().publish(publication, progress=progress)
        sweep(unfinished(self._folder, time.time()))
        return published


class FolderFiles:
    """The files of a folder.

    Args:
        folder: the folder.
        disk: how files are written.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        # Whoever else writes to the folder may have put links there.
        self._disk = replace(disk, root=folder)

    @property
    def url(self) -> str:
        """The absolute path."""
        return str(self._folder)

    def names(self, folder: str) -> list[str]:
        """What is directly in a folder."""
        return self._disk.names(self._folder / folder)

    def size(self, path: str) -> int | None:
        """A file's length."""
        target = self._folder / path
        try:
            return None if target.is_dir() else self._disk.size(target)
        except MissingObject:
            return None

    def read(self, path: str, *, limit: int) -> bytes:
        """A file's bytes."""
        target = self._folder / path
        with self._disk.open(target) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise CorruptObject(f"{target} is longer than it may be", hint="Whoever published it has to push again.")
        return data

    def write(self, path: str, content: bytes | Path) -> None:
        """Put a file there."""
        data = content if isinstance(content, bytes) else Disk().read(content)
        self._disk.write(self._folder / path, data)

    def create(self, path: str, data: bytes) -> bool:
        """Put a file there, unless there is one."""
        target = self._folder / path
        draft = target.parent / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
        self._disk.write(draft, data)
        try:
            with storage_errors(target):
                self._disk.fault(f"link {target.name}")
                try:
                    # A link, unlike a rename, takes no one's place.
                    os.link(draft, target)
                except FileExistsError:
                    return False
                except OSError as error:
                    if error.errno not in _NO_LINKS:
                        raise
                    return self._create_alone(target, data)
                self._disk.sync(target.parent)
                return True
        finally:
            with suppress(OSError):
                draft.unlink()

    def _create_alone(self, target: Path, data: bytes) -> bool:
        """The same on a file system without hard links: by the one who makes the name, who then writes the bytes."""
        self._disk.fault(f"create {target.name} alone")
        try:
            file = target.open("xb")
        except FileExistsError:
            return False
        try:
            with file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                target.unlink()
            raise
        self._disk.sync(target.parent)
        return True

    def remove(self, path: str) -> None:
        """Delete a file."""
        self._disk.remove(self._folder / path)
