"""The reflog: one line for every move of a ref, written before the move.

A process may die between the line and the move. Such a line is recognised by what came after it: the next move (or the
ref itself) starts where the line started, and not where it says that it went. Readers leave it out.

Each line has a checksum; those of earlier versions have none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from wisedb.canonical import canonical_json, digest
from wisedb.errors import CorruptObject
from wisedb.store.container import ID
from wisedb.store.files import Disk, is_temporary

_SUM: Final = "sum"
_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class RefMove:
    """One move.

    Attributes:
        ref: the full name of what moved.
        from_: the commit id where it was, ``None`` where it was made.
        to: the commit id where it went, ``None`` where it was deleted.
        date: when, ISO 8601 in UTC.
        action: what for.
        who: who moved it, ``None`` where nobody said.
    """

    ref: str
    from_: str | None
    to: str | None
    date: str
    action: str
    who: str | None = None

    def to_json(self) -> dict[str, Any]:
        """``{"ref", "from", "to", "date", "action"}``, and ``"who"`` where somebody said."""
        told = {"ref": self.ref, "from": self.from_, "to": self.to, "date": self.date, "action": self.action}
        return told | ({} if self.who is None else {"who": self.who})


@dataclass(frozen=True, slots=True)
class Reflog:
    """``logs/``: a file of JSON lines for each ref.

    Attributes:
        folder: the folder.
        disk: how files are written.
    """

    folder: Path
    disk: Disk

    def append(self, move: RefMove) -> None:
        """Add a line, with its checksum, and flush it.

        Raises:
            NoSpace, StoreNotWritable: no line was added.
        """
        self.disk.append(self.path(move.ref), _line(move))

    def read(self, ref: str, *, current: str | None) -> list[RefMove]:
        """The moves that took effect, newest first.

        Args:
            ref: the full name.
            current: where the ref is now; it tells whether the last line took effect.

        Raises:
            CorruptObject: a line is not a move.
        """
        moves: list[RefMove] = []
        reached = current
        for move in reversed(self.lines(ref)):
            if move.to != reached and move.from_ == reached:
                continue
            moves.append(move)
            reached = move.from_
        return moves

    def lines(self, ref: str) -> list[RefMove]:
        """All lines of one log, oldest first; a last line without its line feed is no line.

        Raises:
            CorruptObject: a line is not a move.
        """
        data = self.disk.read_if_there(self.path(ref))
        return [_parse(ref, number, line) for number, line in enumerate((data or b"").split(b"\n")[:-1], 1)]

    def sound_lines(self, ref: str) -> tuple[list[RefMove], int]:
        """The lines of a log that can be read, oldest first, and how many can't.

        Raises:
            StoreError: the file can't be read.
        """
        data = self.disk.read_if_there(self.path(ref)) or b""
        found: list[RefMove] = []
        bad = 0
        for number, line in enumerate(data.split(b"\n")[:-1], 1):
            try:
                found.append(_parse(ref, number, line))
            except CorruptObject:
                bad += 1
        return found, bad

    def write(self, ref: str, moves: Iterable[RefMove]) -> None:
        """Put lines in the place of a log, all of them or none.

        Raises:
            NoSpace, StoreNotWritable: the log is as it was.
        """
        self.disk.write(self.path(ref), b"".join(_line(replace(move, ref=ref)) + b"\n" for move in moves))

    def remove(self, ref: str) -> None:
        """Delete a log.

        Raises:
            StoreNotWritable: it is still there.
        """
        self.disk.remove(self.path(ref))

    def names(self) -> list[str]:
        """The full names of all refs that have a log."""
        paths = [path for path in self.disk.walk(self.folder) if path.suffix == ".jsonl" and not is_temporary(path)]
        # An empty folder in the place of a log is a log that can't be read; one of logs belongs to refs named so.
        paths += [path for path in self.folder.rglob("*.jsonl") if path.is_dir() and not any(path.iterdir())]
        return sorted(path.relative_to(self.folder).as_posix().removesuffix(".jsonl") for path in paths)

    def commits(self) -> set[str]:
        """Every commit id in any log.

        Raises:
            CorruptObject: a line is not a move.
        """
        moves = [move for ref in self.names() for move in self.lines(ref)]
        return {commit for move in moves for commit in (move.from_, move.to) if commit is not None}

    def path(self, ref: str) -> Path:
        """Where a ref's log is, or would be."""
        # The suffix keeps the log of a deleted ref 'a' apart from the folder of a later ref 'a/b'.
        return self.folder / f"{ref}.jsonl"


def _line(move: RefMove) -> bytes:
    record = move.to_json()
    return canonical_json({**record, _SUM: digest(canonical_json(record))[:_DIGITS]})


def _parse(ref: str, number: int, line: bytes) -> RefMove:
    try:
        record = json.loads(line)
        move = RefMove(record["ref"], record["from"], record["to"], record["date"], record["action"], record.get("who"))
        texts = (move.ref, move.date, move.action, move.from_ or "", move.to or "", move.who or "")
        ids = [commit for commit in (move.from_, move.to) if commit is not None]
        if not all(type(text) is str for text in texts) or not all(ID.fullmatch(commit) for commit in ids):
            raise ValueError("a field has the wrong type")
        # Earlier versions wrote none.
        written = _line(move) if _SUM in record else canonical_json(move.to_json())
        if move.ref != ref or written != line:
            raise ValueError("it is not as wisedb writes it, or has another checksum")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptObject(
            f"the reflog of {ref} is damaged in line {number}: {error}",
            hint=f"Nothing but the log is lost; remove that line from .wisedb/logs/{ref}.jsonl.",
        ) from error
    return move
