"""What the operating system says about a disk, in the store's own errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wisedb.errors import MissingObject, NoSpace, StoreError, StoreNotWritable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


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
