"""What was measured at a commit, kept beside it: a commit never changes, its evaluations come later."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wisedb.canonical import canonical_json, digest
from wisedb.errors import CorruptObject, InputError
from wisedb.store.container import ID
from wisedb.store.files import Disk, is_temporary

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Scores:
    """``scores/<commit>/<name>.json``.

    Attributes:
        folder: the folder.
        disk: how files are written.
    """

    folder: Path
    disk: Disk

    def put(self, commit_id: str, name: str, record: Mapping[str, Any]) -> None:
        """Keep a record; one of the same name is replaced.

        Args:
            commit_id: the commit that was measured.
            name: lower-case letters, digits, ``.``, ``_`` and ``-``.
            record: JSON values.

        Raises:
            InputError: the name is not one, or the record is not JSON (NaN isn't).
            NoSpace, StoreNotWritable: nothing was kept.
        """
        if not _NAME.fullmatch(name) or name.endswith(".json"):
            raise InputError(
                f"scores can't be named '{name}'", hint="Use lower-case letters, digits, '.', '_' and '-'."
            )
        try:
            body = canonical_json(record)
        except (TypeError, ValueError) as error:
            raise InputError(f"the scores '{name}' are not JSON: {error}") from error
        data = canonical_json({"record": record, "sha256": digest(body)}) + b"\n"
        self.disk.write(self._folder(commit_id) / f"{name}.json", data)

    def get(self, commit_id: str) -> dict[str, dict[str, Any]]:
        """Name → record of all that is kept for a commit, sorted by name.

        Raises:
            CorruptObject: a file is damaged.
        """
        folder = self._folder(commit_id)
        paths = [folder / name for name in self.disk.names(folder) if name.endswith(".json")]
        return {path.stem: self.read(path) for path in paths if not is_temporary(path)}

    def commit_ids(self) -> list[str]:
        """The commits that something is kept for, sorted."""
        return [name for name in self.disk.names(self.folder) if ID.fullmatch(name)]

    def read(self, path: Path) -> dict[str, Any]:
        """One file's record.

        Raises:
            CorruptObject: the file is damaged.
        """
        try:
            document = json.loads(self.disk.read(path))
            record = document["record"]
            if not isinstance(record, dict) or document["sha256"] != digest(canonical_json(record)):
                raise ValueError("another checksum")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CorruptObject(
                f"the scores in {path} are damaged: {error}", hint="Delete the file and run `wisedb eval` again."
            ) from error
        return record

    def _folder(self, commit_id: str) -> Path:
        if not ID.fullmatch(commit_id):
            raise CorruptObject(f"{commit_id!r} is not the id of a commit", hint="Run `wisedb fsck`.")
        return self.folder / commit_id
