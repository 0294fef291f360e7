"""What is done to open files and folders by their descriptors."""

from __future__ import annotations

import errno
import os


def flush_folder(handle: int) -> None:
    """Flush a folder's entries, so that a rename in it survives a loss of power."""
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems can't flush folders; there, the rename itself is all the order one gets.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def write_all(handle: int, data: bytes) -> None:
    """Write all of it: the system may take a part at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def whole_lines(handle: int) -> int:
    """The offset behind the last line feed."""
    end = os.lseek(handle, 0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 4096)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
