"""The edits that wait for the next commit: one file of JSON lines, the first of which proves the others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from wisedb.canonical import canonical_json, digest
from wisedb.edits import Edit, distinct
from wisedb.errors import AmbiguousId, ConflictingEdits, CorruptObject, InputError, UnknownEdit
from wisedb.store.files import Disk
from wisedb.store.lock import StoreLock


class Staging:
    """``staged.jsonl``.

    Args:
        path: the file.
        lock: held during every change.
        disk: how files are written.
    """

    def __init__(self, path: Path, lock: StoreLock, disk: Disk) -> None:
        self._path = path
        self._lock = lock
        self._disk = disk

    def edits(self) -> list[Edit]:
        """What is staged, in the order in which it came.

        Raises:
            CorruptObject: the file is damaged.
        """
        data = self._disk.read_if_there(self._path)
        if data is None:
            return []
        head, _, body = data.partition(b"\n")
        # Each edit proves itself by its id, but not that none is gone.
        if not body.endswith(b"\n") or head != _head(body):
            raise _corrupt(self._path, "it has another checksum")
        return [_parse(self._path, number, line) for number, line in enumerate(body.split(b"\n")[:-1], 2)]

    def add(self, edits: Iterable[Edit], *, replace: bool = False) -> list[Edit]:
        """Stage edits, all or none, each once; returns all that is staged then.

        An edit takes the place of one that is staged with its prompt and its target; with another target only where
        that is asked for.

        Args:
            edits: what is staged.
            replace: whether an edit also takes the place of a staged one with another target, or another conversation.

        Raises:
            ConflictingEdits: one prompt would have two targets in one commit; nothing was staged.
            CorruptObject, StoreBusy, NoSpace, StoreNotWritable: nothing was staged.
        """
        new = distinct(edits)
        with self._lock.hold("staging edits"):
            before = self.edits()
            if not replace:
                _refuse_other_targets(before, new)
            latest = {edit.key: edit for edit in new}
            staged = distinct([*(latest.get(edit.key, edit) for edit in before), *new])
            if staged != before:
                self._write(staged)
        return staged

    def remove(self, ids: Iterable[str], *, missing_ok: bool = False) -> list[Edit]:
        """Take edits out by id, or by a prefix of at least four digits; returns all that is staged then.

        Raises:
            UnknownEdit: an id is not staged (unless ``missing_ok``); nothing was taken out.
            AmbiguousId: a prefix fits several; nothing was taken out.
            CorruptObject, StoreBusy, NoSpace, StoreNotWritable: nothing was taken out.
        """
        with self._lock.hold("unstaging edits"):
            staged = self.edits()
            gone: set[str] = set()
            for wanted in ids:
                found = [edit.id for edit in staged if len(wanted) >= 4 and edit.id.startswith(wanted.lower())]
                if len(found) > 1:
                    listed = ", ".join(edit_id[:12] for edit_id in found)
                    raise AmbiguousId(f"'{wanted}' fits several staged edits: {listed}", hint="Give more digits.")
                if not found and not missing_ok:
                    raise UnknownEdit(f"no edit '{wanted}' is staged", hint="`wisedb status` lists what is.")
                gone.update(found)
            kept = [edit for edit in staged if edit.id not in gone]
            if gone:
                self._write(kept)
        return kept

    def clear(self) -> None:
        """Take everything out, whatever state the file is in.

        Raises:
            StoreBusy, StoreNotWritable: nothing was taken out.
        """
        with self._lock.hold("unstaging edits"):
            self._disk.remove(self._path)

    def _write(self, edits: list[Edit]) -> None:
        if edits:
            body = b"".join(canonical_json(edit.to_json()) + b"\n" for edit in edits)
            self._disk.write(self._path, _head(body) + b"\n" + body)
        else:
            self._disk.remove(self._path)


def _refuse_other_targets(staged: Iterable[Edit], new: Iterable[Edit]) -> None:
    before = {edit.key: edit for edit in staged}
    for edit in new:
        try:
            distinct([before.get(edit.key, edit), edit])
        except ConflictingEdits as error:
            other = before[edit.key].id[:12]
            raise ConflictingEdits(
                error.message, hint=f"{other} is staged; `wisedb unstage {other}` makes room for the other one."
            ) from error


def _head(body: bytes) -> bytes:
    return canonical_json({"sha256": digest(body)})


def _parse(path: Path, number: int, line: bytes) -> Edit:
    try:
        record = json.loads(line)
        if not isinstance(record, dict) or type(record.get("id")) is not str:
            raise InputError("an edit without its id")
        return Edit.from_json(record)
    except (InputError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _corrupt(path, f"line {number}: {error}") from error


def _corrupt(path: Path, problem: str) -> CorruptObject:
    return CorruptObject(
        f"what is staged can't be read: {problem}",
        hint=f"`wisedb unstage` empties it; copy {path} first, its other lines are the edits.",
    )
