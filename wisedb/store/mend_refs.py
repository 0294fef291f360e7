"""Mend refs and logs by each other: a ref by the last line of its log, a log by where its ref is.

Nothing is thrown away: where a ref was stays in its log, and a log that can't be read is kept in the trash.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from wisedb.canonical import digest
from wisedb.errors import MissingObject, StoreError
from wisedb.store.check_refs import Strayed, strayed
from wisedb.store.dates import utc_now
from wisedb.store.graph import is_ancestor
from wisedb.store.loose_refs import SYMBOLIC
from wisedb.store.reflog import RefMove
from wisedb.store.refnames import BRANCHES, HEAD, is_ref_name
from wisedb.store.store import DEFAULT_BRANCH, Store

_ACTION: Final = "fsck: repair"


def mend_refs(store: Store) -> Iterator[tuple[str, str]]:
    """Mend what can be mended; (the ref or the log, what it was made of) of each.

    Raises:
        StoreBusy, NoSpace, StoreNotWritable: some may have been mended.
    """
    with store.lock.hold("mending refs"):
        yield from _logs(store)
        yield from _unreadable(store)
        strays = list(strayed(store.refs))
        for stray in strays:
            if stray.ref != HEAD:
                yield _back(store, stray, {other.last.to for other in strays if other.last and other.ref != stray.ref})
        yield from _head(store)
        for stray in list(strayed(store.refs)):
            yield _back(store, stray, ())


def _logs(store: Store) -> Iterator[tuple[str, str]]:
    logs = store.refs.logs
    for ref in logs.names():
        _free(logs.path(ref))
        with suppress(StoreError):
            lines, bad = logs.sound_lines(ref)
            if bad:
                kept = store.disk.read(logs.path(ref))
                store.disk.write(store.root / "trash" / f"log-{digest(kept)}.jsonl", kept)
                logs.write(ref, lines)
                yield f"logs/{ref}", f"its {len(lines)} sound lines; what it was is in the trash"


def _unreadable(store: Store) -> Iterator[tuple[str, str]]:
    """Refs whose files hold no commit id."""
    refs = store.refs
    for ref in sorted({*refs.names(), *(name for name in refs.logs.names() if is_ref_name(name))}):
        try:
            refs.read(ref)
        except StoreError:
            commit = _by_log(store, ref)
            if commit is not None:
                _free(store.root / ref)
                store.disk.write(store.root / ref, f"{commit}\n".encode())
                yield ref, "its log"


def _by_log(store: Store, ref: str) -> str | None:
    """Where a ref was last: the newest line that leads to a commit which is here."""
    with suppress(StoreError):
        for move in reversed(store.refs.logs.lines(ref)):
            for commit in (move.to, move.from_):
                if commit is not None and store.objects.has_commit(commit):
                    return commit
    return None


def _back(store: Store, stray: Strayed, elsewhere: Collection[str | None]) -> tuple[str, str]:
    """Bring a ref and its log together.

    Args:
        store: the store.
        stray: the ref.
        elsewhere: where other refs should be and aren't: one that is there was swapped with them.
    """
    refs = store.refs
    if stray.last is None or stray.last.to is None or (stray.at not in elsewhere and _newer(store, stray)):
        # The log has lost its lines: the ref is what is left.
        was = None if stray.last is None else stray.last.to
        refs.logs.append(RefMove(stray.ref, was, stray.at, utc_now(), f"{_ACTION}: the log had lost this"))
        return f"logs/{stray.ref}", "where the ref is"
    target = _by_log(store, stray.ref) or stray.last.to
    if stray.ref == HEAD:
        # Detached, or on a branch that has been mended by now: what HEAD leads to is so.
        refs.logs.append(RefMove(HEAD, stray.last.to, refs.read(HEAD), utc_now(), _ACTION))
        return f"logs/{HEAD}", "where HEAD is"
    refs.logs.append(RefMove(stray.ref, stray.at, target, utc_now(), f"{_ACTION}: back to where the log has it"))
    _free(store.root / stray.ref)
    store.disk.write(store.root / stray.ref, f"{target}\n".encode())
    return stray.ref, "its log"


def _newer(store: Store, stray: Strayed) -> bool:
    """Whether the ref is ahead of its log."""
    if stray.at is None or stray.last is None or stray.last.to is None:
        return False
    with suppress(StoreError, MissingObject):
        return is_ancestor(store.objects, stray.last.to, stray.at)
    return False


def _head(store: Store) -> Iterator[tuple[str, str]]:
    """HEAD, where it can't be read or names a branch that isn't there."""
    refs = store.refs
    with suppress(StoreError):
        if refs.head().commit is not None:
            return
    commit = _by_log(store, HEAD)
    branches: dict[str, str] = {}
    for ref in refs.names(BRANCHES):
        with suppress(StoreError):
            branches[ref] = refs.read(ref) or ""
    # Which branch it was on is in no log: one that is where HEAD was, the usual one if it is among them.
    there = sorted(
        (ref for ref, at in branches.items() if at == commit), key=lambda ref: ref != BRANCHES + DEFAULT_BRANCH
    )
    if commit is None and not branches:
        return
    target = there[0] if there else None
    content = f"{SYMBOLIC}{target}" if target is not None else commit or f"{SYMBOLIC}{min(branches)}"
    store.disk.write(store.root / HEAD, f"{content}\n".encode())
    refs.logs.append(RefMove(HEAD, commit, refs.read(HEAD), utc_now(), _ACTION))
    yield HEAD, "its log"


def _free(path: Path) -> None:
    """Remove an empty folder in the place of a file."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
