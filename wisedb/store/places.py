"""Where a store is, and where one can be made."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from wisedb.errors import StoreExists
from wisedb.store.disk_errors import storage_errors
from wisedb.store.refnames import HEAD

FOLDER: Final = ".wisedb"
"""The folder that is a store."""


NOT_FOR_GIT: Final = b"""# What git must not keep of a store: locks, unfinished files, and the index, which is derived.
/lock
/index/
/trash/
*.lock
.tmp-*
"""
"""The ``.gitignore`` of a store."""


def check_place(folder: Path) -> None:
    """Make sure that a store can be made in a folder, before anybody waits for a model; nothing stays there.

    Raises:
        StoreNotWritable, NoSpace, StoreError: none can.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    with storage_errors(there):
        Path(tempfile.mkdtemp(prefix=f"{FOLDER}.tmp-", dir=there)).rmdir()


def is_store(folder: Path) -> bool:
    """Whether a folder is itself a ``.wisedb`` folder, or looks like one that was damaged."""
    # Not the configuration: a store that has lost it must say so, and not pass for no store.
    with suppress(OSError):
        return (folder / "objects").is_dir() and ((folder / HEAD).is_file() or (folder / "refs").is_dir())
    return False


def store_in(folder: Path) -> Path | None:
    """The ``.wisedb`` folder that a folder is or holds, ``None`` where there is none."""
    return next((root for root in (folder, folder / FOLDER) if is_store(root)), None)


def refuse_existing(target: Path, cause: OSError | None = None) -> None:
    """Make sure that no store is at a place; an empty folder may be.

    Raises:
        StoreExists: one is.
    """
    with suppress(OSError):
        if (target.is_dir() and not any(target.iterdir())) or not target.exists():
            return
    raise StoreExists(f"there is a store already: {target}", hint="Use it, or choose another folder.") from cause
