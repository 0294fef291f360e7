"""One commit in full. No torch: ``show`` answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit
from wisedb.store import history
from wisedb.versioning.log import LogEntry
from wisedb.versioning.streams import owner_of

if TYPE_CHECKING:
    from wisedb.store.memory_entry import MemoryEntry
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class MemoryView:
    """One memory of a commit.

    Attributes:
        id: the memory's id, the same in every commit that has it.
        kind: how it changes a forward pass, such as ``masked_delta``.
        gate: where it does, such as ``keys``.
        editor: the name of the editor that began it.
        modules: the modules that it changes.
        blob: its main blob: this version of it.
        edits: the ids of its edits in force.
        bytes: what its blobs take on disk.
        threshold: the activation above which it answers, ``None`` where the editor routes otherwise.
    """

    id: str
    kind: str
    gate: str
    editor: str
    modules: tuple[str, ...]
    blob: str
    edits: tuple[str, ...]
    bytes: int
    threshold: float | None

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "id": self.id,
            "kind": self.kind,
            "gate": self.gate,
            "editor": self.editor,
            "modules": list(self.modules),
            "blob": self.blob,
            "edits": list(self.edits),
            "bytes": self.bytes,
            "threshold": self.threshold,
        }


@dataclass(frozen=True, slots=True)
class CommitDetails:
    """Everything about one commit.

    Attributes:
        entry: its line of history.
        edits: the edits that it brought into force.
        memories: the memories of its state.
    """

    entry: LogEntry
    edits: tuple[Edit, ...]
    memories: tuple[MemoryView, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb show --json`` prints it."""
        record = self.entry.record
        return {
            **self.entry.to_json(),
            "edits": [edit.to_json() for edit in self.edits],
            "reverted": list(record.reverted),
            "known": list(record.known),
            "memories": [memory.to_json() for memory in self.memories],
            "merged": None if record.merged is None else dict(record.merged),
            "config": {**record.editor.to_json(), "pool": record.editor.pool},
            "base": {"target": ", ".join(record.modules) or record.editor.target, **record.base.to_json()},
        }


def show(store: Store, rev: str) -> CommitDetails:
    """One commit in full.

    Raises:
        UnknownRevision: no such commit.
    """
    commit_id = store.resolve(rev)
    commit = store.objects.commit(commit_id)
    entry = LogEntry(commit_id, commit, {**(commit.scores or {}), **store.scores.get(commit_id)})
    return CommitDetails(
        entry,
        tuple(history.edits_of(store, entry.record.added)),
        tuple(memory_view(store, memory) for memory in entry.record.memories),
    )


def memory_view(store: Store, memory: MemoryEntry) -> MemoryView:
    """What a commit's list of memories shows of one."""
    meta = store.blob_cache.meta(memory.main)
    return MemoryView(
        memory.id,
        memory.kind,
        memory.gate_by(meta),
        owner_of(store, memory).name,
        memory.modules,
        memory.main,
        tuple(meta.get("edits", ())),
        sum(store.objects.size(blob) for blob in memory.blobs.values()),
        # Where keys alone decide, ΔW was never asked to tell prompts apart.
        meta.get("threshold") or None,
    )
