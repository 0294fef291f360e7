"""Collect what no one can reach any more: old objects go to the trash, and from there, later, for good."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from wisedb.errors import MissingObject, StoreError
from wisedb.store.container import ID
from wisedb.store.disk_errors import reading_errors, storage_errors
from wisedb.store.leftovers import leftovers, sweep
from wisedb.store.loose_objects import COMMIT_SUFFIX
from wisedb.store.store import Store

DEFAULT_GRACE: Final = timedelta(days=14)
"""How long an object is kept that nothing reaches: a writer may be about to name it."""

_LOG: Final = re.compile(r"log-[0-9a-f]{64}\.jsonl")
# A damaged log that a repair put aside.


@dataclass(frozen=True, slots=True)
class GcReport:
    """What was, or would be, removed.

    Attributes:
        removed: the ids of the blobs and commits, sorted.
        bytes: what they take on disk.
        dry_run: whether they are still there.
        unfinished: how many leftovers of dead processes were removed beside them.
    """

    removed: tuple[str, ...]
    bytes: int
    dry_run: bool
    unfinished: int = 0

    def to_json(self) -> dict[str, Any]:
        """``{"removed", "bytes", "dry_run", "unfinished"}``."""
        return {
            "removed": list(self.removed),
            "bytes": self.bytes,
            "dry_run": self.dry_run,
            "unfinished": self.unfinished,
        }


def collect(
    store: Store, *, grace: timedelta = DEFAULT_GRACE, dry_run: bool = True, now: datetime | None = None
) -> GcReport:
    """Remove the objects that neither a ref nor a reflog reaches and that have not been written for ``grace``.

    They are moved to ``trash/``, where they stay for ``grace`` once more; with a grace of 0 they are gone at once.
    Unfinished files of dead processes and the scores of removed commits go too.

    Args:
        store: the store.
        grace: how old an object must be.
        dry_run: only say what would be removed.
        now: the present, for tests.

    Raises:
        StoreError: something that is reachable is missing or damaged; nothing is removed.
        StoreBusy: another process writes; nothing is removed.
        StoreNotWritable: some objects may have been moved to the trash.
    """
    present = now or datetime.now(UTC)
    # The long walk needs no lock: what lands meanwhile is looked at under it, and that is little.
    marks = Marks()
    marks.mark(store)
    with store.lock.hold("gc"):
        marks.mark(store)
        garbage = {
            path: object_id
            for object_id, path in _objects(store)
            if object_id not in marks.reached and _age(path, present) >= grace
        }
        size = sum(path.lstat().st_size for path in garbage)
        swept = 0
        if not dry_run:
            _trash(store, garbage)
            _purge(store, grace, present)
            swept = sweep(leftovers(store.root, present.timestamp()))
    return GcReport(tuple(sorted(set(garbage.values()))), size, dry_run, swept)


def reachable(store: Store) -> set[str]:
    """The ids of all commits and blobs that refs and reflogs lead to.

    Raises:
        StoreError: something on the way is missing or damaged.
    """
    marks = Marks()
    marks.mark(store)
    return marks.reached


class Marks:
    """The commits and blobs that refs and reflogs lead to, as far as they have been walked.

    Attributes:
        reached: their ids.
    """

    def __init__(self) -> None:
        self.reached: set[str] = set()

    def mark(self, store: Store) -> None:
        """Walk from where refs and reflogs are now; what was walked before is not walked again.

        Raises:
            StoreError: something on the way is missing or damaged.
        """
        refs, objects = store.refs, store.objects
        try:
            tips = {commit_id for _, commit_id in refs.items()} | {store.head_commit()[0]}
            # A reflog may name commits that an earlier collection was allowed to take.
            tips |= {commit_id for commit_id in refs.logs.commits() if objects.has_commit(commit_id)}
            fresh = self._commits(store, tips - self.reached)
            named = {blob_id for commit_id in fresh for blob_id in objects.commit(commit_id).blobs}
            named |= set(store.config.editor.resources.values())
            self.reached |= fresh | self._blobs(store, named - self.reached)
        except StoreError as error:
            raise type(error)(
                f"nothing was collected, since the history can't be read: {error.message}",
                hint="Run `wisedb fsck --repair` first.",
            ) from error

    def _commits(self, store: Store, tips: set[str]) -> set[str]:
        seen, stack = set(tips), list(tips)
        while stack:
            parents = set(store.objects.commit(stack.pop()).parents) - seen - self.reached
            seen |= parents
            stack.extend(parents)
        return seen

    def _blobs(self, store: Store, named: set[str]) -> set[str]:
        if not named:
            return set()
        there = set(store.objects.ids())
        if missing := named - there:
            raise MissingObject(f"blob {min(missing)[:12]} isn't in the store")
        seen, stack = set(named), list(named)
        while stack:
            header = store.objects.header(stack.pop())
            # Whatever in a blob's meta is the id of a blob is taken for a reference to it: new kinds need no change.
            wanted = header.references | (set(_texts(header.meta)) & there)
            if missing := wanted - there:
                raise MissingObject(f"blob {min(missing)[:12]} isn't in the store")
            stack.extend(wanted - seen - self.reached)
            seen |= wanted
        return seen


def _texts(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _objects(store: Store) -> Iterator[tuple[str, Path]]:
    for blob_id in store.objects.ids():
        for path in (store.objects.blob_path(blob_id), store.objects.header_path(blob_id)):
            if path.is_file():
                yield blob_id, path
    for commit_id in store.objects.commit_ids():
        yield commit_id, store.objects.commit_path(commit_id)


def _age(path: Path, present: datetime) -> timedelta:
    with reading_errors(path):
        return present - datetime.fromtimestamp(path.lstat().st_mtime, UTC)


def _trash(store: Store, garbage: dict[Path, str]) -> None:
    trash = store.root / "trash"
    store.disk.make_folder(trash)
    with storage_errors(trash):
        for path, object_id in _children_first(store, garbage):
            store.disk.fault(f"trash {path.name}")
            target = trash / (object_id + path.suffix)
            path.replace(target)
            os.utime(target)
            if path.suffix == ".json":
                with suppress(StoreError):
                    store.disk.remove_folder(store.root / "scores" / object_id)
        for folder in {path.parent for path in garbage} | {trash}:
            store.disk.sync(folder)


def _children_first(store: Store, garbage: dict[Path, str]) -> list[tuple[Path, str]]:
    """The order in which a process may die anywhere and leaves nothing that needs what is gone.

    Commits before their parents, all of them before blobs, and blobs before those that they are differences to.
    """
    needs: dict[str, set[str]] = {}
    for path, object_id in garbage.items():
        needs.setdefault(object_id, set())
        with suppress(StoreError):
            if path.suffix == COMMIT_SUFFIX:
                needs[object_id] |= set(store.objects.commit(object_id).parents)
            else:
                needs[object_id] |= store.objects.header(object_id).references
    later: list[str] = []
    done: set[str] = set()
    for start in sorted(needs):
        stack = [(start, False)]
        while stack:
            object_id, followed = stack.pop()
            if followed:
                later.append(object_id)
            elif object_id not in done:
                done.add(object_id)
                stack.append((object_id, True))
                stack.extend(
                    (other, False) for other in sorted(needs[object_id]) if other in needs and other not in done
                )
    place = {object_id: number for number, object_id in enumerate(later)}
    return sorted(garbage.items(), key=lambda item: (item[0].suffix != COMMIT_SUFFIX, -place[item[1]], item[0].suffix))


def _purge(store: Store, grace: timedelta, present: datetime) -> None:
    trash = store.root / "trash"
    with storage_errors(trash):
        for path in [trash / name for name in store.disk.names(trash)]:
            # What was moved a moment ago may look younger than the present that was taken before.
            named = ID.fullmatch(path.stem) or _LOG.fullmatch(path.name)
            if named and (grace <= timedelta(0) or _age(path, present) >= grace):
                path.unlink()
        store.disk.sync(trash)
