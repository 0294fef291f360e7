"""Blobs ↔ memories: how a memory's parts, its gate's keys and what it was trained on are laid out in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from wisedb.config import EditorChoice
from wisedb.editors.streams import StreamItem, Trained, in_force, numbered
from wisedb.errors import CorruptObject
from wisedb.memory.gates.base import KEY_FORMATS, Gate, KeyFormat, gate_name
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.gates.keys.statistics import Statistics
from wisedb.memory.kinds.base import Change, Part
from wisedb.memory.kinds.registry import kind_of
from wisedb.memory.memory import Memory
from wisedb.model.tensors import from_raw, to_raw
from wisedb.serving.blobs import BlobSource, PendingBlobs
from wisedb.store.blobs import Array, Blob
from wisedb.store.contents import check_named
from wisedb.store.memory_entry import MemoryEntry

KEYS, STATISTICS = "keys", "statistics"
"""The roles, and kinds, of the blobs that a gate by keys needs."""

_HINT = "Run `wisedb fsck`."


def blob_of(kind: str, part: Part, meta: Mapping[str, Any] | None = None) -> Blob:
    """A part as a blob, with more meta."""
    arrays = {name: Array(*to_raw(tensor)) for name, tensor in part.tensors.items()}
    return Blob(kind, {**part.meta, **(meta or {})}, arrays)


def part_of(blob: Blob) -> Part:
    """What a blob holds, as tensors on the CPU."""
    tensors = {name: from_raw(array.dtype, array.shape, array.data) for name, array in blob.arrays.items()}
    return Part(blob.meta, tensors)


def origin_blob(change: Change, choice: EditorChoice, seed: int) -> Blob:
    """A memory's beginning, which never changes and names it: where it stands, and how it is trained for good."""
    meta = {"seed": seed, "editor": choice.given.to_json(), "modules": list(change.modules)}
    return blob_of(change.origin, change.parts()[change.origin], meta)


def version_blob(origin: str, stream: Sequence[StreamItem], trained: Trained, before: str) -> Blob:
    """One version of a memory: its tensors, its threshold, and what it trained on.

    Of the statistics only what is a function of the stream goes in: a blob's id must not depend on where the training
    that led to it began.

    Args:
        origin: the blob of its beginning.
        stream: what it trained on.
        trained: what came out.
        before: what :func:`wisedb.versioning.streams.before` says of the always-on memories that stood before it.
    """
    meta = {
        "origin": origin,
        "before": before,
        "threshold": trained.threshold,
        "stream": [_listed(item, batch) for item, batch in zip(stream, numbered(stream), strict=True)],
        "edits": [edit.id for edit in in_force(stream)],
        "statistics": dict(trained.statistics),
    }
    return blob_of(trained.change.main, trained.change.parts()[trained.change.main], meta)


def merged_entry(pending: PendingBlobs, memory: Memory, choice: EditorChoice, statistics: str | None) -> MemoryEntry:
    """A merge as a memory of its own, which isn't trained any further.

    Args:
        pending: takes its blobs.
        memory: the merge.
        choice: the editor that made it.
        statistics: the blob on which its keys rest.
    """
    change = memory.change
    origin = pending.put(origin_blob(change, choice, choice.seed))
    main = pending.put(version_blob(origin, (), Trained(change, memory.gate.name, memory.gate.threshold), ""))
    # A merge has no stream; what it holds is said all the same.
    blob = pending.blobs.pop(main)
    main = pending.put(Blob(blob.kind, {**blob.meta, "edits": list(memory.edits)}, blob.arrays))
    blobs = {change.origin: origin, change.main: main}
    if memory.gate.keys is not None and statistics is not None:
        blobs[KEYS] = pending.put(keys_blob(memory.gate.keys, memory.edits, statistics))
        blobs[STATISTICS] = statistics
    return MemoryEntry(origin, change.kind, memory.gate.name, choice, change.modules, main, blobs)


def keys_blob(
    ring: EditKeys, edits: Sequence[str], statistics_id: str, *, rephrases: bool = False, format: KeyFormat = "both"
) -> Blob:
    """A memory's keys; ``edits`` are the ids that the keys' owners count, ``format`` of which prompts they are."""
    meta = {"edits": list(edits), "statistics": statistics_id, "rephrases": rephrases}
    only = {} if format == "both" else {"format": format}
    return blob_of(KEYS, Part({}, ring.tensors()), {**meta, **only})


def key_format_of(meta: Mapping[str, Any]) -> KeyFormat:
    """Of which prompts the keys are that a blob with this meta holds.

    Raises:
        CorruptObject: it says something else.
    """
    format = meta.get("format", "both")
    for known in KEY_FORMATS:
        if format == known:
            return known
    raise CorruptObject(f"there are no keys of format {format!r}", hint=_HINT)


def keys_from(blob: Blob, statistics: Statistics) -> EditKeys:
    """What :func:`keys_blob` kept.

    Raises:
        CorruptObject: it is none, or its parts don't belong together.
    """
    return EditKeys.from_tensors(_tensors(blob, KEYS), statistics)


def statistics_from(blob: Blob) -> Statistics:
    """The statistics that a blob holds. Raises as :func:`keys_from`."""
    return Statistics.from_tensors(_tensors(blob, STATISTICS), blob.meta)


def read_change(source: BlobSource, entry: MemoryEntry) -> Change:
    """What a memory of a commit changes.

    Raises:
        UnknownKind: this version doesn't know its kind.
        CorruptObject: its blobs don't belong together.
        MissingObject: a blob is not there.
    """
    return _change_and_meta(source, entry)[0]


def _change_and_meta(source: BlobSource, entry: MemoryEntry) -> tuple[Change, Mapping[str, Any]]:
    """What a memory changes, and the meta of its main blob: each blob is read once."""
    kind = kind_of(entry.kind)
    if missing := [role for role in (kind.origin, kind.main) if role not in entry.blobs]:
        raise CorruptObject(f"memory {entry.id[:12]} has no {missing[0]}", hint=_HINT)
    main, origin = source.get(entry.blobs[kind.main]), source.get(entry.blobs[kind.origin])
    check_named(entry.blobs[kind.main], kind.main, main.meta, "edits", "threshold")
    check_named(entry.blobs[kind.origin], kind.origin, origin.meta)
    if main.meta.get("origin", main.meta.get("mask")) != entry.blobs[kind.origin]:
        raise CorruptObject(f"memory {entry.id[:12]} has the {kind.origin} of another memory", hint=_HINT)
    parts = {kind.origin: part_of(origin), kind.main: part_of(main)}
    return kind.of(entry.modules, parts), main.meta


def read_memory(source: BlobSource, entry: MemoryEntry, statistics: dict[str, Statistics] | None = None) -> Memory:
    """One memory of a commit.

    Args:
        source: where its blobs are.
        entry: the memory.
        statistics: see :func:`read_keys`.

    Raises:
        UnknownKind, CorruptObject, MissingObject: see :func:`read_change`.
    """
    change, meta = _change_and_meta(source, entry)
    edits, threshold = tuple(meta["edits"]), float(meta["threshold"])
    keys = read_keys(source, entry, edits, {} if statistics is None else statistics)
    return Memory(entry.id, change, Gate(gate_name(entry.gate_by(meta)), threshold, keys), edits)


def read_keys(
    source: BlobSource, entry: MemoryEntry, edits: Sequence[str], statistics: dict[str, Statistics]
) -> EditKeys | None:
    """A memory's keys, ``None`` where it has none.

    Args:
        source: where the blobs are.
        entry: the memory.
        edits: those in force in it.
        statistics: by blob, those that were read already; what is read here joins them.

    Raises:
        CorruptObject: the keys are those of other edits, or damaged.
    """
    if KEYS not in entry.blobs:
        return None
    blob, measured = source.get(entry.blobs[KEYS]), entry.blobs.get(STATISTICS)
    check_named(entry.blobs[KEYS], KEYS, blob.meta)
    if blob.meta.get("edits") != list(edits) or measured is None or blob.meta.get("statistics") != measured:
        raise CorruptObject(f"memory {entry.id[:12]} has the keys of other edits", hint=_HINT)
    if measured not in statistics:
        statistics[measured] = statistics_from(source.get(measured))
    return keys_from(blob, statistics[measured])


def read_memories(
    source: BlobSource, entries: Iterable[MemoryEntry], kept: Mapping[str, Memory] | None = None
) -> list[Memory]:
    """The memories of a commit, in its order.

    Args:
        source: where the blobs are.
        entries: the commit's memories.
        kept: main blob → memory, for those that need not be read again.
    """
    known, listed = kept or {}, list(entries)
    source.ensure(blob_id for entry in listed if entry.main not in known for blob_id in entry.blobs.values())
    statistics: dict[str, Statistics] = {}
    return [known[entry.main] if entry.main in known else read_memory(source, entry, statistics) for entry in listed]


def modern_entry(source: BlobSource, entry: MemoryEntry) -> MemoryEntry:
    """An entry as format 2 has it: format 1 leaves its gate and its editor to its blobs."""
    if entry.gate is not None and entry.editor is not None:
        return entry
    origin, main = source.get(entry.id), source.get(entry.main)
    check_named(entry.id, origin.kind, origin.meta)
    check_named(entry.main, main.kind, main.meta)
    return entry.modern(origin.meta, main.meta)


def _listed(item: StreamItem, batch: int | None) -> dict[str, Any]:
    listed: dict[str, Any] = {"edit": item.edit.id}
    if item.companions:
        listed["companions"] = [other.id for other in item.companions]
    return listed if batch is None else {**listed, "batch": batch}


def _tensors(blob: Blob, kind: str) -> Mapping[str, torch.Tensor]:
    if blob.kind != kind:
        raise CorruptObject(f"blob {blob.id[:12]} holds no {kind}", hint=_HINT)
    return part_of(blob).tensors
