"""The store: its parts, its index, who holds its locks, what dead processes left."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from wisedb.doctor.check import NOTE, OK, WARNING, WRONG, Check
from wisedb.errors import WisedbError
from wisedb.store.files import TEMPORARY
from wisedb.store.store import Store

_INDEX = {
    "behind": (OK, "behind; the next query brings it up to date"),
    "missing": (NOTE, "there is none yet; the next query makes it"),
    "outdated": (NOTE, "of another version; the next query makes it anew"),
    "locked": (WARNING, "another process has it open for writing"),
    "corrupt": (WARNING, "damaged; the next query makes it anew"),
}


def place(store: Store) -> Iterator[Check]:
    """Configuration, HEAD, index and locks of a store; every byte is `fsck`'s business."""
    try:
        commit_id, commit = store.head_commit()
        branch = store.refs.head().branch or "no branch"
        yield Check("store", OK, f"{store.root}, on {branch} at {commit_id[:12]}, format {commit.format}")
    except WisedbError as error:
        yield Check("store", WRONG, f"{store.root}: {error.message}", error.hint or "Run `wisedb fsck`.")
    if not os.access(store.root, os.W_OK):
        yield Check(
            "writing", WARNING, f"{store.root} is read-only for you", "It can be read; nothing can be committed."
        )
    yield _index(store)
    yield from _locks(store)
    left = sum(1 for each in store.root.rglob(f"{TEMPORARY}*") if each.is_file())
    if left:
        yield Check("left behind", NOTE, f"{left} unfinished files of processes that died", "`wisedb gc` removes them.")


def _index(store: Store) -> Check:
    try:
        status = store.index.status()
    except WisedbError as error:
        return Check("index", WARNING, error.message, error.hint or "`wisedb reindex` makes it anew.")
    state, told = _INDEX.get(status, (OK, status))
    return Check("index", state, told, "`wisedb reindex` makes it anew." if state == WARNING else "")


def _locks(store: Store) -> Iterator[Check]:
    for name, path in (("lock", store.lock.path), ("index lock", store.root / "index" / "lock")):
        if _held(path):
            holder = store.lock.holder() if name == "lock" else None
            yield Check(name, WARNING, f"held by {holder or 'another process'}", "Wait for it, or see what it does.")
        elif name == "lock":
            yield Check(name, OK, "free")
    claims = sorted(store.root.rglob("*.lock"))
    if claims:
        hint = "Where no other machine writes to this store, the next write takes them over."
        yield Check("claims", NOTE, f"{len(claims)} files are claimed, such as {claims[0].name}", hint)


def _held(path: Path) -> bool:
    """Whether some process holds the lock; it is taken for no longer than that takes."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
