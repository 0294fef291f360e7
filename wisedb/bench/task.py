"""What one worker is told to do. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from wisedb.bench.results import Row
from wisedb.config import Setting
from wisedb.edits import Edit


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker does.

    Attributes:
        folder: where its store is, or will be.
        row: what its rows have in common; the figures are empty.
        writes: False for the unedited model.
        source: the base model, as ``load_base`` takes it.
        revision, target: of the base model.
        editor, settings: who writes, and how.
        pool: unrelated prompts of the user's own.
        stream: the edits.
        wanted: (T, modes that are to be measured there), T growing.
        undo, flops: as in :class:`wisedb.bench.plan.Plan`.
    """

    folder: Path
    row: Row
    writes: bool
    source: str
    revision: str | None
    target: str | None
    editor: str
    settings: Mapping[str, Setting]
    pool: tuple[str, ...] | None
    stream: tuple[Edit, ...]
    wanted: tuple[tuple[int, tuple[str, ...]], ...]
    undo: bool = False
    flops: bool = False

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            **values,
            "folder": str(self.folder),
            "row": self.row.to_json(),
            "stream": [edit.content() for edit in self.stream],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        return cls(
            **{
                **record,
                "folder": Path(record["folder"]),
                "row": Row.from_json(record["row"]),
                "pool": None if record["pool"] is None else tuple(record["pool"]),
                "stream": tuple(Edit.from_json(edit) for edit in record["stream"]),
                "wanted": tuple((length, tuple(modes)) for length, modes in record["wanted"]),
            }
        )
