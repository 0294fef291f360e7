"""What one editor has written so far: its commits and their cost, so that a killed run goes on. No torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from wisedb.errors import CorruptObject
from wisedb.store.files import Disk
from wisedb.store.store import Store
from wisedb.versioning.head import reset

NAME: Final = "written.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit.

    Attributes:
        count: edits of the stream in the store, with it.
        commit: its id.
        seconds: of training, of this commit.
        bytes: of the commit and of the blobs that came with it, as they lie in the store.
        peak: the process's peak memory after it, in bytes.
        flops: of the commit, ``None`` where they weren't counted.
    """

    count: int
    commit: str
    seconds: float
    bytes: int
    peak: int
    flops: int | None = None


class RunLog:
    """The commits of a work store, oldest first; the first one holds no edit.

    A line is written after its commit has landed. What landed without one, because the process was killed in between,
    is unmade when the log is opened: its cost is not known.

    Args:
        folder: the folder of the work store.
        store: the store.

    Raises:
        CorruptObject: it can't be read, or it is another store's.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._path = folder / NAME
        self._store = store
        self._disk = Disk()
        self._entries = self._read()
        head = store.resolve("HEAD")
        if not self._entries:
            if store.objects.commit(head).parents:
                raise self._damaged()
            self._note(Entry(0, head, 0.0, 0, 0))
        elif head != self.last.commit:
            reset(store, self.last.commit)

    @property
    def last(self) -> Entry:
        """The newest commit."""
        return self._entries[-1]

    def add(self, length: int, commit_id: str, seconds: float, peak: int, flops: int | None = None) -> None:
        """Note a commit that has just landed on the last one."""
        objects = self._store.objects
        new = objects.commit(commit_id).blobs - objects.commit(self.last.commit).blobs
        self._note(Entry(length, commit_id, seconds, sum(map(objects.size, (commit_id, *new))), peak, flops))

    def at(self, length: int) -> Entry | None:
        """The commit with just so many edits, if there is one."""
        return next((entry for entry in self._entries if entry.count == length), None)

    def seconds(self, length: int) -> float:
        """Of training, of the first so many edits."""
        return sum(entry.seconds for entry in self._entries if entry.count <= length)

    def bytes(self, length: int) -> int:
        """That the first so many edits take in the store, history included."""
        return sum(entry.bytes for entry in self._entries if entry.count <= length)

    def flops(self, length: int) -> int | None:
        """Of the first so many edits, ``None`` where they weren't counted."""
        counted = [entry.flops for entry in self._entries if 0 < entry.count <= length]
        return None if None in counted else sum(number for number in counted if number is not None)

    def peak(self, length: int) -> int:
        """The largest peak memory while the first so many edits were written."""
        return max(entry.peak for entry in self._entries if entry.count <= length)

    def _note(self, entry: Entry) -> None:
        self._disk.append(self._path, json.dumps(asdict(entry)).encode())
        self._entries.append(entry)

    def _read(self) -> list[Entry]:
        data = self._disk.read_if_there(self._path) or b""
        try:
            return [Entry(**json.loads(line)) for line in data[: data.rfind(b"\n") + 1].splitlines()]
        except (ValueError, TypeError) as error:
            raise self._damaged() from error

    def _damaged(self) -> CorruptObject:
        return CorruptObject(f"{self._path} doesn't fit its store", hint="Remove its folder: it is made anew.")
