"""What a merge did, or would do. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wisedb.edits import Edit
from wisedb.versioning.merging.choices import template
from wisedb.versioning.merging.facts import Conflict


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """What becomes of one memory.

    Attributes:
        id: its id, ``None`` for one that is begun.
        kept: whether its bytes stay those of one of the sides.
        edits: how many edits it has in force afterwards; 0 where it goes.
        train: how many of them are trained for the merge.
    """

    id: str | None
    kept: bool
    edits: int
    train: int

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"id": self.id, "kept": self.kept, "edits": self.edits, "train": self.train}


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What a merge did, or would do.

    Attributes:
        commit: where the branch is now; ``None`` while there are conflicts, and for a preview.
        how: ``up-to-date``, ``fast-forward`` or ``merge``.
        branch: the branch that is merged into, ``None`` where HEAD is on a commit.
        into: the commit that is merged into.
        other: the commit that is merged.
        bases: the merge bases: several after a criss-cross, none of unrelated histories.
        conflicts: those that nobody decided; nothing was changed while there are any.
        added: edits that come into force, those of ``changed`` left out.
        removed: edits that go out of force, those of ``changed`` left out.
        changed: (prompt, edit before, edit after).
        doubled: (kept, dropped) where both sides gave a prompt the same target.
        memories: what becomes of each memory; empty while there are conflicts.
        preview: whether it was only asked for.
        unlearned: ids of edits that came into force and don't answer with their target.
        reliability: of the edits that came into force, measured afterwards.
        seconds: how long it all took.
        bytes_written: what the store's objects grew by.
    """

    commit: str | None
    how: str
    branch: str | None
    into: str
    other: str
    bases: tuple[str, ...]
    conflicts: tuple[Conflict, ...] = ()
    added: tuple[Edit, ...] = ()
    removed: tuple[Edit, ...] = ()
    changed: tuple[tuple[str, Edit, Edit], ...] = ()
    doubled: tuple[tuple[Edit, Edit], ...] = ()
    memories: tuple[MemoryChange, ...] = ()
    preview: bool = False
    unlearned: tuple[str, ...] = ()
    reliability: float | None = None
    seconds: float = 0.0
    bytes_written: int = 0

    @property
    def to_train(self) -> int:
        """How many edits are trained for the merge."""
        return sum(memory.train for memory in self.memories)

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb merge --json`` prints it; the facts one by one for a preview only."""
        record: dict[str, Any] = {
            "commit": self.commit,
            "conflicts": [conflict.to_json() for conflict in self.conflicts],
            "how": self.how,
            "preview": self.preview,
            "branch": self.branch,
            "into": self.into,
            "from": self.other,
            "bases": list(self.bases),
            "edits_added": len(self.added) + len(self.changed),
            "edits_reverted": len(self.removed) + len(self.changed),
            "doubled": [
                {"prompt": kept.prompt, "kept": kept.id, "dropped": dropped.id} for kept, dropped in self.doubled
            ],
            "memories": [memory.to_json() for memory in self.memories],
            "edits_to_train": self.to_train,
            "unlearned": list(self.unlearned),
            "reliability": self.reliability,
            "seconds": self.seconds,
            "bytes_written": self.bytes_written,
        }
        if self.conflicts:
            record["resolve"] = template(self.conflicts)
        if self.preview:
            record["added"] = [edit.to_json() for edit in self.added]
            record["removed"] = [edit.to_json() for edit in self.removed]
            record["changed"] = [
                {"prompt": prompt, "from": before.to_json(), "to": after.to_json()}
                for prompt, before, after in self.changed
            ]
        return record
