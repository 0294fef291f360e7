"""Blobs ↔ side memories: the one place that knows how a shard's tensors are laid out in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from wisedb.config import EditorChoice
from wisedb.editors.streams import StreamItem, TrainedShard, effective, numbered
from wisedb.errors import CorruptObject
from wisedb.memory.gates.keys.edit_keys import KeyRing
from wisedb.memory.gates.keys.statistics import Statistics
from wisedb.memory.kinds.masked_delta import SideMemory
from wisedb.memory.kinds.masks import pack, unpack
from wisedb.model.tensors import from_raw, to_raw
from wisedb.serving.key_blobs import KEYS, STATISTICS, keys_blob, keys_from, statistics_from
from wisedb.store.blobs import Array, Blob
from wisedb.store.commits import MemoryEntry

SHARD = "shard"
"""The kind of a memory that is a mask and a delta."""


class Shelf(Protocol):
    """Where blobs are read from."""

    def get(self, blob_id: str, /) -> Blob:
        """The blob of that id."""

    def ensure(self, blob_ids: Iterable[str], /) -> None:
        """Have these blobs at hand: those that are still elsewhere come at the same time."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Blobs that are not in the store yet, in front of those that are.

    Attributes:
        behind: where all other blobs are.
        blobs: the new ones by id, in the order in which they were put.
        near: for a new blob, the id of its previous version.
    """

    behind: Shelf
    blobs: dict[str, Blob] = field(default_factory=dict)
    near: dict[str, str] = field(default_factory=dict)

    def put(self, blob: Blob, near: str | None = None) -> str:
        """Keep a blob and return its id."""
        self.blobs[blob.id] = blob
        if near is not None:
            self.near[blob.id] = near
        return blob.id

    def get(self, blob_id: str, /) -> Blob:
        """The blob, new or stored."""
        return self.blobs[blob_id] if blob_id in self.blobs else self.behind.get(blob_id)

    def ensure(self, blob_ids: Iterable[str], /) -> None:
        """Have the stored ones of these blobs at hand."""
        self.behind.ensure(blob_id for blob_id in blob_ids if blob_id not in self.blobs)


def mask_blob(mask: torch.Tensor, ratio: float, seed: int, choice: EditorChoice) -> Blob:
    """A shard's beginning: its mask (d_ff, d_model), bool, as packed bits, and how it is trained, for good."""
    bits = to_raw(pack(mask))
    meta = {
        "shape": list(mask.shape),
        "ratio": ratio,
        "seed": seed,
        "entries": int(mask.sum()),
        "editor": choice.to_json(),
    }
    return Blob("mask", meta, {"bits": Array(*bits)})


def delta_blob(mask_id: str, stream: Sequence[StreamItem], trained: TrainedShard) -> Blob:
    """One version of a shard: its values in mask order, its threshold, and what it trained on.

    Of the statistics only what is a function of the stream goes in: a blob's id must not depend on where the training
    that led to it began.
    """
    meta = {
        "mask": mask_id,
        "threshold": trained.threshold,
        "stream": [_listed(item, lesson) for item, lesson in zip(stream, numbered(stream), strict=True)],
        "edits": [item.edit.id for item in effective(stream)],
        "activations": {name: dict(trained.statistics[name]) for name in ("own", "pool") if name in trained.statistics},
    }
    return Blob("delta", meta, {"values": Array(*to_raw(trained.values))})


def _listed(item: StreamItem, lesson: int | None) -> dict[str, Any]:
    listed: dict[str, Any] = {"edit": item.edit.id, "replay": [other.id for other in item.replay]}
    return listed if lesson is None else {**listed, "lesson": lesson}


def merged_entry(draft: Draft, memory: SideMemory, choice: EditorChoice, statistics: str | None) -> MemoryEntry:
    """A merge as a memory of its own, which isn't trained any further.

    Args:
        draft: takes its blobs.
        memory: the merge.
        choice: the settings with which it was made.
        statistics: the blob on which its keys rest.
    """
    share = float(memory.mask.float().mean())
    mask = draft.put(mask_blob(memory.mask, share, choice.seed, choice))
    meta = {"mask": mask, "threshold": memory.threshold, "stream": [], "edits": list(memory.edits), "activations": {}}
    blobs = {"mask": mask, "delta": draft.put(Blob("delta", meta, {"values": Array(*to_raw(memory.values))}))}
    if memory.keys is not None and statistics is not None:
        blobs[KEYS] = draft.put(keys_blob(memory.keys, memory.edits, statistics))
        blobs[STATISTICS] = statistics
    return MemoryEntry(mask, SHARD, blobs)


def tensor(blob: Blob, name: str) -> torch.Tensor:
    """One array of a blob as a tensor on the CPU.

    Raises:
        CorruptObject: the blob has no such array.
    """
    if name not in blob.arrays:
        raise CorruptObject(f"blob {blob.id[:12]} has no array '{name}'", hint="Run 'wisedb fsck'.")
    array = blob.arrays[name]
    return from_raw(array.dtype, array.shape, array.data)


def read_mask(shelf: Shelf, mask_id: str) -> torch.Tensor:
    """A mask (d_ff, d_model), bool."""
    blob = shelf.get(mask_id)
    rows, columns = _shape(blob.meta)
    return unpack(tensor(blob, "bits"), (rows, columns))


def read_memory(shelf: Shelf, entry: MemoryEntry, statistics: dict[str, Statistics] | None = None) -> SideMemory:
    """One memory of a commit.

    Args:
        shelf: where its blobs are.
        entry: the memory.
        statistics: see :func:`read_keys`.

    Raises:
        CorruptObject: it is not a shard, or its blobs don't belong together.
        MissingObject: a blob is not there.
    """
    roles = set(entry.blobs)
    if entry.kind != SHARD or roles not in ({"mask", "delta"}, {"mask", "delta", KEYS, STATISTICS}):
        raise CorruptObject(
            f"memory {entry.id[:12]} is of the kind '{entry.kind}', which this wisedb can't assemble",
            hint="Upgrade wisedb.",
        )
    delta = shelf.get(entry.blobs["delta"])
    if delta.meta.get("mask") != entry.blobs["mask"]:
        raise CorruptObject(f"memory {entry.id[:12]} has another shard's mask", hint="Run 'wisedb fsck'.")
    return SideMemory(
        entry.id,
        read_mask(shelf, entry.blobs["mask"]),
        tensor(delta, "values"),
        float(delta.meta["threshold"]),
        tuple(delta.meta["edits"]),
        read_keys(shelf, entry, delta.meta["edits"], {} if statistics is None else statistics),
    )


def read_keys(
    shelf: Shelf, entry: MemoryEntry, edits: Sequence[str], statistics: dict[str, Statistics]
) -> KeyRing | None:
    """A memory's keys, ``None`` where it has none.

    Args:
        shelf: where the blobs are.
        entry: the memory.
        edits: those in force in it.
        statistics: by blob, those that were read already; what is read here joins them.

    Raises:
        CorruptObject: the keys are those of other edits, or damaged.
    """
    if KEYS not in entry.blobs:
        return None
    blob, measured = shelf.get(entry.blobs[KEYS]), entry.blobs[STATISTICS]
    if blob.meta.get("edits") != list(edits) or blob.meta.get("statistics") != measured:
        raise CorruptObject(f"memory {entry.id[:12]} has the keys of other edits", hint="Run 'wisedb fsck'.")
    if measured not in statistics:
        statistics[measured] = statistics_from(shelf.get(measured))
    return keys_from(blob, statistics[measured])


def read_memories(
    shelf: Shelf, entries: Iterable[MemoryEntry], kept: Mapping[str, SideMemory] | None = None
) -> list[SideMemory]:
    """The memories of a commit, in its order.

    Args:
        shelf: where the blobs are.
        entries: the commit's memories.
        kept: main blob → memory, for those that need not be read again.
    """
    known, listed = kept or {}, list(entries)
    shelf.ensure(blob_id for entry in listed if entry.main not in known for blob_id in entry.blobs.values())
    statistics: dict[str, Statistics] = {}
    return [known[entry.main] if entry.main in known else read_memory(shelf, entry, statistics) for entry in listed]


def _shape(meta: Mapping[str, Any]) -> tuple[int, int]:
    shape = meta.get("shape")
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(size) is int and size > 0 for size in shape):
        raise CorruptObject(f"a mask has the shape {shape!r}", hint="Run 'wisedb fsck'.")
    return shape[0], shape[1]
