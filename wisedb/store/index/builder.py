"""Generations of the index: made anew from the objects, or as a copy of the one that counts, brought up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wisedb.errors import IndexUnusable, StoreError
from wisedb.store.files import Disk
from wisedb.store.index import schema
from wisedb.store.index.fill import fill
from wisedb.store.index.generations import Current, Generations
from wisedb.store.index.lacking import missing
from wisedb.store.index.left_out import LeftOut
from wisedb.store.index.plain import CLOSED, ensure_plain
from wisedb.store.index.reach import forget
from wisedb.store.lock import StoreLock
from wisedb.store.objects import Objects

if TYPE_CHECKING:
    import duckdb

_ALONE: Final[dict[str, str | bool | int | float | list[str]]] = {**CLOSED, "enable_external_access": False}
"""A draft reaches no other file: what it begins with may be somebody else's."""


class IndexBuilder:
    """Writes ``index/``, one process at a time.

    Args:
        root: the ``.wisedb`` folder.
        objects: blobs and commits.
        roots: gives the commits whose ancestors are the history, sorted.
        disk: how files are written.

    Attributes:
        generations: the files.
    """

    def __init__(self, root: Path, objects: Objects, roots: Callable[[], tuple[str, ...]], disk: Disk) -> None:
        self._objects = objects
        self._roots = roots
        self._lock = StoreLock(root / "index" / "lock", disk, timeout=0.0)
        self.generations = Generations(root / "index", disk)

    def usable(self) -> Current | None:
        """The generation that counts, if its file is of this version, has its length, and was made here."""
        try:
            current = self.generations.current()
            if current is None or current.version != schema.VERSION:
                return None
            if not self.generations.is_whole(current) or not self.generations.is_ours(current):
                return None
        except StoreError:
            return None
        return current

    def rebuild(self) -> dict[str, int | float]:
        """Make a new generation from the objects alone.

        Returns:
            ``{"commits", "edits", "seconds"}``.

        Raises:
            StoreBusy: another process is at it.
            StoreNotWritable, NoSpace, IndexUnusable: the file can't be written.
        """
        import duckdb

        began = time.monotonic()
        with self._writing("making the index anew"), self.generations.draft() as draft:
            roots = self._roots()
            new = missing(self._objects, roots, ())
            assert new is not None
            try:
                with duckdb.connect(str(draft), config=_ALONE) as connection:
                    connection.execute(schema.tables())
                    commits, edits = fill(connection, self._objects, new, into="", whole="")
                    counts = _finish(connection)
            except duckdb.Error as error:
                raise unusable(error) from error
            self._publish(draft, roots, counts, new.left_out)
        return {"commits": commits, "edits": edits, "seconds": time.monotonic() - began}

    def catch_up(self) -> None:
        """Make a new generation of the one that counts and of the commits that it lacks.

        Raises:
            StoreBusy, StoreNotWritable, NoSpace, IndexUnusable: as :meth:`rebuild`.
        """
        import duckdb

        with self._writing("bringing the index up to date"):
            current = self.usable()
            if current is None:
                self.rebuild()
                return
            try:
                with self.generations.draft(current) as draft:
                    roots = self._roots()
                    with duckdb.connect(str(draft), config=_ALONE) as connection:
                        ensure_plain(connection)
                        known = {row[0] for row in connection.execute("SELECT id FROM commits").fetchall()}
                        new = missing(self._objects, roots, known)
                        assert new is not None
                        fill(connection, self._objects, new, into="", whole="")
                        forget(connection, new.left_out.sound(roots))
                        counts = _finish(connection)
                    self._publish(draft, roots, counts, new.left_out)
            except (duckdb.Error, StoreError):
                # The copy was of a damaged file, or of one that is gone by now; or no file can be written, and then
                # this fails as well.
                self.rebuild()

    def _publish(self, draft: Path, roots: tuple[str, ...], counts: dict[str, int], left_out: LeftOut) -> None:
        faults = {root: left_out.faults[root].commit for root in roots if root in left_out.faults}
        self.generations.publish(draft, left_out.sound(roots), counts, faults)

    @contextmanager
    def _writing(self, purpose: str) -> Iterator[None]:
        self.generations.disk.make_folder(self.generations.folder)
        with self._lock.hold(purpose):
            yield


def unusable(error: Exception) -> IndexUnusable:
    """The error that says why there is no index, in DuckDB's words."""
    reason = str(error).strip().partition("\n")[0]
    return IndexUnusable(f"the index can't be made: {reason}", hint="Free some space or memory and try again.")


def _finish(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count the rows and leave no write-ahead log behind: a damaged one may open with fewer rows and no error."""
    connection.execute("CHECKPOINT")
    counts: dict[str, int] = {}
    for table in schema.TABLES:
        found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        counts[table] = int(found[0]) if found else 0
    return counts
