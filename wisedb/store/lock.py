"""One writer at a time: a lock that the kernel frees when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from wisedb.errors import StoreBusy, StoreError
from wisedb.store.beneath import open_beneath
from wisedb.store.disk_errors import storage_errors
from wisedb.store.files import Disk

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds to wait for another process: writers hold the lock while they write, never while they train."""

_PAUSE: Final = 0.02


class StoreLock:
    """``.wisedb/lock``: a ``flock``, with the holder's process id and purpose written inside for others to read.

    A thread may take it again while it has it; other threads and processes wait.

    Args:
        path: the lock file, made if it is missing and never deleted (deleting it would let two in).
        disk: says beneath which folder no link is followed; the path is the user's own without it.
        timeout: seconds to wait for another holder.
    """

    def __init__(self, path: Path, disk: Disk | None = None, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.path = path
        self._root = None if disk is None else disk.root
        self.timeout = timeout
        self._threads = threading.RLock()
        self._handle = -1
        self._depth = 0

    @contextmanager
    def hold(self, purpose: str) -> Iterator[None]:
        """Hold the lock inside the ``with``.

        Args:
            purpose: what for, one line; who waits in vain is told.

        Raises:
            StoreBusy: another process or thread kept it for longer than the timeout; the message names the process.
            StoreNotWritable: this user can't write the lock file.
            UnsafeFile: it is a link, a pipe or a device; nothing was touched.
        """
        if not self._threads.acquire(timeout=max(self.timeout, 0.0)):
            raise self._busy()
        try:
            if self._depth == 0:
                self._handle = self._take(purpose)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    handle, self._handle = self._handle, -1
                    with suppress(OSError):
                        os.ftruncate(handle, 0)
                    os.close(handle)
        finally:
            self._threads.release()

    def holder(self) -> str | None:
        """Who holds the lock, as far as the file says: ``process 12 on host (purpose)``."""
        try:
            record = json.loads(Disk(root=self._root).read(self.path))
            return f"process {record['pid']} on {record['host']} ({record['purpose']})"
        except (StoreError, ValueError, KeyError, TypeError):
            return None

    def _take(self, purpose: str) -> int:
        deadline = time.monotonic() + self.timeout
        with storage_errors(self.path):
            handle = open_beneath(self.path, self._root, os.O_RDWR | os.O_CREAT)
            try:
                while not _try(handle):
                    if time.monotonic() >= deadline:
                        raise self._busy()
                    time.sleep(_PAUSE)
                record = {"pid": os.getpid(), "host": socket.gethostname(), "purpose": purpose}
                os.ftruncate(handle, 0)
                os.pwrite(handle, json.dumps(record).encode(), 0)
            except BaseException:
                os.close(handle)
                raise
        return handle

    def _busy(self) -> StoreBusy:
        return StoreBusy(
            f"the store is being written by {self.holder() or 'another process'}",
            hint="Try again when it has finished.",
        )


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
