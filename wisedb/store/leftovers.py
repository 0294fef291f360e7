"""What processes that died left behind: unfinished files, drafts of the index, stores that were being made."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from wisedb.store.files import TEMPORARY
from wisedb.store.places import FOLDER

UNFINISHED: Final = 3600.0
"""Seconds after which an unfinished file is a dead process's: no write takes so long."""

_DRAFT: Final = 86400.0
# A large history's index, or a base model's pool, may take hours to make.


def leftovers(root: Path, now: float | None = None) -> Iterator[Path]:
    """The leftovers of a store, and of the making of stores beside it, that are old enough to be nobody's.

    Args:
        root: the ``.wisedb`` folder.
        now: the present in seconds since 1970, for tests.
    """
    present = time.time() if now is None else now
    yield from unfinished(root, present)
    with suppress(OSError):
        for path in sorted(root.parent.glob(f"{FOLDER}.tmp-*")):
            # As long as anything is written in there somebody is at work.
            if path.is_dir() and not path.is_symlink() and present - _youngest(path) >= _DRAFT:
                yield path


def unfinished(folder: Path, now: float) -> Iterator[Path]:
    """The unfinished files below a folder that are old enough; links are not followed."""
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place) / name
            if name.startswith(TEMPORARY):
                age = _DRAFT if name.endswith((".duckdb", ".wal")) else UNFINISHED
                with suppress(OSError):
                    if now - path.lstat().st_mtime >= age:
                        yield path


def sweep(paths: Iterator[Path]) -> int:
    """Remove leftovers; how many are gone. What can't be removed stays."""
    gone = 0
    for path in list(paths):
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            gone += 1
    return gone


def _youngest(folder: Path) -> float:
    found = folder.lstat().st_mtime
    for place, _, names in os.walk(folder):
        for path in (Path(place), *(Path(place) / name for name in names)):
            with suppress(OSError):
                found = max(found, path.lstat().st_mtime)
    return found
