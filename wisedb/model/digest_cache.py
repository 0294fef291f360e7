"""What the weights of a checkpoint hashed to, remembered from process to process.

Hashing a model of billions of parameters takes longer than loading it. So its digest is kept in the user's cache
folder, outside of every store, beside what the file system says of each file that it was computed from: path behind all
links, size, times of the last change of content (mtime) and of anything (ctime), inode and device. It is believed as
long as **all** of that is the same. Whoever writes to a file, or puts another in its place, changes its ctime. Git
trusts its index in the same way, and like Git this doesn't trust a file that was changed just now ("racily clean"):
times have a grain, so that its digest isn't kept until the file is older.

So a store still refuses a base model that has another fingerprint, unless the weights were changed behind the file
system's back: on the raw disk, by a failing one, or with the clock set back. ``wisedb init`` reads every byte, and so
does :func:`wisedb.model.base.describe` where it is asked to, ``anew``; ``wisedb fsck`` checks the store and not the
base.

Nothing depends on the cache: it may be deleted, be damaged or not be writable at any time.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from platformdirs import user_cache_dir

from wisedb.canonical import canonical_json, digest

_VERSION: Final = 1
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
# The coarsest times that file systems keep are two seconds apart (FAT).
_SETTLED: Final = 3_000_000_000

Stamp = list[list[str | int]]
"""``[path, bytes, mtime, ctime, inode, device]`` of each file; times in nanoseconds."""


def cached_digest(files: Sequence[Path], compute: Callable[[], str], *, anew: bool = False) -> str:
    """The digest of some files: the one that was kept, if nothing about them has changed, or else computed and kept.

    Args:
        files: every file that the digest is computed from.
        compute: computes it; 64 hexadecimal digits.
        anew: compute it in any case.

    Raises:
        Exception: whatever ``compute`` raises, and nothing else.
    """
    try:
        before = stamp(files)
    except OSError:
        return compute()
    place = folder() / f"{digest(canonical_json([entry[0] for entry in before]))}.json"
    if not anew and (known := _read(place, before)) is not None:
        return known
    found = compute()
    with suppress(OSError):
        newest = max((int(each) for entry in before for each in entry[2:4]), default=0)
        if stamp(files) == before and time.time_ns() - newest > _SETTLED:
            _write(place, before, found)
    return found


def folder() -> Path:
    """Where digests are kept."""
    return Path(user_cache_dir("wisedb", appauthor=False)) / "weights"


def stamp(files: Sequence[Path]) -> Stamp:
    """What the file system says of files.

    Raises:
        OSError: one isn't there.
    """
    found: Stamp = []
    for file in files:
        path = file.resolve(strict=True)
        seen = path.stat()
        found.append([str(path), seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_dev])
    return found


def _read(place: Path, expected: Stamp) -> str | None:
    try:
        record = json.loads(place.read_bytes())
        content, check = record["content"], record["sha256"]
        if check != digest(canonical_json(content)) or content["version"] != _VERSION or content["files"] != expected:
            return None
        kept = content["weights"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return kept if isinstance(kept, str) and _DIGEST.fullmatch(kept) else None


def _write(place: Path, files: Stamp, found: str) -> None:
    content = {"version": _VERSION, "files": files, "weights": found}
    data = canonical_json({"content": content, "sha256": digest(canonical_json(content))})
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".tmp-", dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(place)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
