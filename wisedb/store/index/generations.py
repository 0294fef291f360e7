"""The index's files: immutable generations, and ``CURRENT``, which names the one that counts.

A generation is written beside the others under a temporary name, closed, renamed, and then named in ``CURRENT`` by one
more rename. Readers open the generation that ``CURRENT`` names, read-only; nobody ever writes to a file that somebody
may have open, so that readers and writers never wait for each other.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from wisedb.errors import CorruptObject
from wisedb.store.disk_errors import storage_errors
from wisedb.store.files import TEMPORARY, Disk
from wisedb.store.index.origin import is_ours, seal
from wisedb.store.index.schema import VERSION

_NAME: Final = re.compile(r"gen-(\d{1,12})\.duckdb")
_KEPT: Final = 2


@dataclass(frozen=True, slots=True)
class Current:
    """What ``CURRENT`` says; enough to tell whether the generation is whole and up to date.

    Attributes:
        file: the generation's file name.
        bytes: its length.
        version: of the schema that it was made with.
        tips: the commits that refs stood at; it holds what these descend from, and nothing else.
        counts: rows by table.
        left_out: of the commits that refs stood at those that it doesn't hold, since they can't be read → the commit at
            fault, which is one that they descend from; ``tips`` then has the sound parents of what was left out.
        seal: says that it was made here; see :mod:`wisedb.store.index.origin`.
    """

    file: str
    bytes: int
    version: int
    tips: tuple[str, ...]
    counts: dict[str, int]
    left_out: dict[str, str] = field(default_factory=dict)
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Generations:
    """``index/``.

    Attributes:
        folder: the folder.
        disk: how ``CURRENT`` is written.
    """

    folder: Path
    disk: Disk = Disk()  # noqa: RUF009 - frozen and without state

    def current(self) -> Current | None:
        """The generation that counts, ``None`` where there is none yet.

        Raises:
            CorruptObject: ``CURRENT`` is damaged.
        """
        data = self.disk.read_if_there(self.folder / "CURRENT")
        if data is None:
            return None
        try:
            record = json.loads(data)
            current = Current(
                str(record["file"]),
                int(record["bytes"]),
                int(record["version"]),
                tuple(str(tip) for tip in record["tips"]),
                {str(table): int(count) for table, count in record["counts"].items()},
                {str(root): str(commit) for root, commit in record.get("left_out", {}).items()},
                str(record.get("seal", "")),
            )
        except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CorruptObject(f"index/CURRENT is damaged: {error}", hint="Run `wisedb reindex`.") from error
        if not _NAME.fullmatch(current.file):
            raise CorruptObject("index/CURRENT names no generation", hint="Run `wisedb reindex`.")
        return current

    def path(self, current: Current) -> Path:
        """Where the generation lies."""
        return self.folder / current.file

    def is_whole(self, current: Current) -> bool:
        """Whether the generation is a plain file of the length that it was made with.

        DuckDB opens a file by its name: this comes first. A published generation has no write-ahead log beside it; one
        that stands there says what is in nobody's history.

        Raises:
            MissingObject: it isn't there.
            UnsafeFile, StoreError: it can't be read.
        """
        log = f"{current.file}.wal"
        return self.disk.size(self.path(current)) == current.bytes and log not in self.disk.names(self.folder)

    def is_ours(self, current: Current) -> bool:
        """Whether the generation was made here, and is as it was then; a stranger's rows are not believed."""
        return is_ours(self.path(current), current.seal)

    @contextmanager
    def draft(self, start: Current | None = None) -> Iterator[Path]:
        """The path of a file to be written: not there yet, or a copy of ``start``. It is gone afterwards.

        Raises:
            StoreNotWritable, NoSpace: the folder can't be written.
        """
        self.disk.make_folder(self.folder)
        path = self.folder / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}.duckdb"
        try:
            with storage_errors(path):
                self.disk.fault(f"write {path.name}")
                if start is None:
                    # A read-only folder is noticed before any work is done.
                    path.touch()
                    path.unlink()
                else:
                    with self.disk.open(self.path(start)) as file, path.open("xb") as copy:
                        shutil.copyfileobj(file, copy)
            yield path
        finally:
            for leftover in (path, path.with_name(path.name + ".wal")):
                with suppress(OSError):
                    leftover.unlink(missing_ok=True)

    def publish(
        self, draft: Path, tips: tuple[str, ...], counts: dict[str, int], left_out: dict[str, str] | None = None
    ) -> Current:
        """Make a finished draft the generation that counts, and remove those that nobody needs any more.

        The last two are kept: a reader may have read ``CURRENT`` just before.

        Raises:
            StoreNotWritable, NoSpace: the former generation still counts.
        """
        number = 1 + max((number for number, _ in self._all()), default=0)
        path = self.folder / f"gen-{number}.duckdb"
        with storage_errors(path):
            handle = os.open(draft, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            draft.replace(path)
            current = Current(path.name, path.stat().st_size, VERSION, tips, counts, left_out or {}, seal(path))
        self.disk.write(self.folder / "CURRENT", json.dumps(asdict(current), separators=(",", ":")).encode() + b"\n")
        for old, file in self._all():
            if old <= number - _KEPT:
                with suppress(OSError):
                    file.unlink()
        return current

    def _all(self) -> list[tuple[int, Path]]:
        found = ((_NAME.fullmatch(name), self.folder / name) for name in self.disk.names(self.folder))
        return [(int(match[1]), path) for match, path in found if match]
