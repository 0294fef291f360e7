"""Staged edits that were put aside, newest first: one file of JSON lines, the first of which proves the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wisedb.canonical import canonical_json, digest
from wisedb.edits import Edit
from wisedb.errors import CorruptObject, InputError, UnknownRevision
from wisedb.store.files import Disk
from wisedb.store.lock import StoreLock


@dataclass(frozen=True, slots=True)
class Stashed:
    """Edits that were put aside together.

    Attributes:
        message: what they are.
        branch: the branch that HEAD was on, ``None`` for none.
        commit: where HEAD was.
        date: when, ISO 8601 in UTC.
        edits: the edits.
    """

    message: str
    branch: str | None
    commit: str | None
    date: str
    edits: tuple[Edit, ...]

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "message": self.message,
            "branch": self.branch,
            "commit": self.commit,
            "date": self.date,
            "edits": [edit.to_json() for edit in self.edits],
        }


@dataclass(frozen=True, slots=True)
class Stash:
    """``stash.jsonl``.

    Attributes:
        path: the file.
        lock: held during every change.
        disk: how files are written.
    """

    path: Path
    lock: StoreLock
    disk: Disk

    def read(self) -> list[Stashed]:
        """What is put aside, the newest first.

        Raises:
            CorruptObject: the file is damaged.
        """
        data = self.disk.read_if_there(self.path)
        if data is None:
            return []
        head, _, body = data.partition(b"\n")
        try:
            if head != _head(body):
                raise ValueError("it has another checksum")
            return [_parse(json.loads(line)) for line in body.splitlines()]
        except (InputError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise CorruptObject(
                f"what was put aside can't be read: {error}",
                hint=f"`wisedb stash clear` empties {self.path}; copy it first.",
            ) from error

    def entry(self, number: int) -> Stashed:
        """One of them, counted from 0, the newest.

        Raises:
            UnknownRevision: there are not so many.
            CorruptObject: the file is damaged.
        """
        there = self.read()
        if not 0 <= number < len(there):
            raise UnknownRevision(
                f"there is no stash@{{{number}}}" if there else "nothing is put aside",
                hint="`wisedb stash list` lists all.",
            )
        return there[number]

    def push(self, entry: Stashed) -> None:
        """Put edits aside.

        Raises:
            CorruptObject, StoreBusy, NoSpace, StoreNotWritable: nothing has changed.
        """
        with self.lock.hold("putting edits aside"):
            self._write([entry, *self.read()])

    def drop(self, number: int) -> Stashed:
        """Forget one of them.

        Raises:
            UnknownRevision, CorruptObject, StoreBusy, StoreNotWritable: nothing has changed.
        """
        with self.lock.hold("dropping what was put aside"):
            gone = self.entry(number)
            self._write([each for place, each in enumerate(self.read()) if place != number])
        return gone

    def clear(self) -> None:
        """Forget all, whatever state the file is in."""
        with self.lock.hold("dropping what was put aside"):
            self.disk.remove(self.path)

    def _write(self, entries: Sequence[Stashed]) -> None:
        if entries:
            body = b"".join(canonical_json(entry.to_json()) + b"\n" for entry in entries)
            self.disk.write(self.path, _head(body) + b"\n" + body)
        else:
            self.disk.remove(self.path)


def _head(body: bytes) -> bytes:
    return canonical_json({"sha256": digest(body)})


def _parse(record: dict[str, Any]) -> Stashed:
    texts = (record["message"], record["date"], record["branch"] or "", record["commit"] or "")
    if not all(type(text) is str for text in texts):
        raise TypeError("a field is no text")
    edits = tuple(Edit.from_json(edit) for edit in record["edits"])
    return Stashed(record["message"], record["branch"], record["commit"], record["date"], edits)
