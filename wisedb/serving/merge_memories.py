"""Merge mode: of the gated memories of one editor, one that says what all of them say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wisedb.canonical import canonical_json
from wisedb.config import EditorChoice
from wisedb.editors.registry import bind
from wisedb.errors import CorruptObject
from wisedb.memory.gates.base import Gate, gate_name
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.registry import kind_of
from wisedb.memory.memory import Memory
from wisedb.memory.merging import DENSITY, MERGED, joined_keys, merged_memory
from wisedb.model.tensors import to_raw
from wisedb.progress import Listener
from wisedb.serving.attached import attached
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.memory_codec import STATISTICS, merged_entry, modern_entry, part_of, read_memories
from wisedb.serving.resources import StoreResources
from wisedb.store import history
from wisedb.store.blobs import Array, Blob
from wisedb.store.derived_cache import cached_blob

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.commits import Commit
    from wisedb.store.memory_entry import MemoryEntry
    from wisedb.store.store import Store

KIND = "merge"
"""The folder of remembered merges."""


def merge_memories(
    store: Store,
    base: LoadedBase,
    commit: Commit,
    memories: Sequence[Memory],
    *,
    always_on: bool = False,
    progress: Listener | None = None,
) -> list[Memory]:
    """A commit's memories with those that can be merged as one; the others stay as they are.

    Shards that each were written by themselves contradict each other where their masks overlap, and TIES settles that
    entry by entry, without knowing what an entry is for: of 350 edits in three shards two thirds are left. The store
    knows every edit, so the editor that wrote them may fit the merge on all of them. That takes as long as writing them
    did; it is done when a merge is first asked for, and remembered. It is a function of the base model, the memories
    and the editor's settings.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        commit: whose memories.
        memories: those, in its order.
        always_on: for a weight, which has no gates: where an editor can fit a change that needs none, that one.
        progress: is told how far it is.

    Raises:
        TrainingFailed: see the editor.
        MissingObject: an edit's record is not there.
    """
    result: list[Memory] = list(memories)
    always = [place for place, memory in enumerate(memories) if memory.always_on]
    for group in _groups(commit, memories):
        if always_on or len(group) > 1:
            entries = [commit.memories[place] for place in group]
            beside = _Beside([memories[place] for place in always], [commit.memories[place].main for place in always])
            some = [memories[place] for place in group]
            merged = _merged(store, base, entries, some, beside, progress, always_on=True) if always_on else None
            if merged is None and len(group) > 1:
                merged = _merged(store, base, entries, some, beside, progress)
            if merged is not None:
                result = [memory for memory in result if all(memory is not memories[place] for place in group)]
                result.append(merged)
    return result


def merge_by_ties(commit: Commit, memories: Sequence[Memory]) -> list[Memory]:
    """The same without a store, by TIES alone: an adapter holds no edits to fit a merge by.

    Of a single one there is nothing to settle. Each merge takes the density that :func:`with_densities` recorded, that
    of the newest of its memories; adapters of earlier versions recorded one for all, or none.
    """
    recorded = commit.merged or {}
    densities, otherwise = recorded.get("densities", {}), recorded.get("density", DENSITY)
    result = list(memories)
    for group in _groups(commit, memories):
        if len(group) > 1:
            some = [memories[place] for place in group]
            threshold = float(recorded.get("threshold", min(memory.gate.threshold for memory in some)))
            density = float(densities.get(some[-1].id, otherwise))
            result = [memory for memory in result if all(memory is not one for one in some)]
            result.append(merged_memory(some, threshold, density))
    return result


def with_densities(commit: Commit) -> Commit:
    """The commit as an adapter keeps it: with the density by which the owner of each memory merges, where it has one.

    Commits of format 1 say how they merge by themselves.
    """
    if commit.format == 1:
        return commit
    owned = [(entry.id, bind(entry.editor)) for entry in commit.memories if entry.editor is not None]
    densities = {entry_id: density for entry_id, owner in owned if (density := owner.merge_density()) is not None}
    return replace(commit, merged={**(commit.merged or {}), "densities": densities}) if densities else commit


def merged_commit(
    store: Store, base: LoadedBase, commit: Commit, *, progress: Listener | None = None
) -> tuple[Commit, PendingBlobs]:
    """A commit with its merges in the place of its memories, for a folder that holds no edits to fit a merge by.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        commit: the commit; where nothing is to be merged it stays as it is.
        progress: is told how far it is.

    Returns:
        What of the commit is needed to assemble a model, and where its blobs are.
    """
    pending = PendingBlobs(store.objects)
    memories = read_memories(pending, commit.memories)
    entries = {memory.id: modern_entry(pending, entry) for memory, entry in zip(memories, commit.memories, strict=True)}
    merged = merge_memories(store, base, commit, memories, progress=progress)
    if all(memory.id in entries for memory in merged):
        return commit, pending
    kept = [entries[memory.id] for memory in merged if memory.id in entries]
    for memory in merged:
        if memory.id not in entries:
            parts = [entry for entry in entries.values() if entry not in kept]
            editor = parts[-1].editor or EditorChoice()
            kept.append(merged_entry(pending, memory, editor, parts[0].blobs.get(STATISTICS)))
    return replace(commit, memories=tuple(kept), merged=None, format=2), pending


@dataclass(frozen=True, slots=True)
class _Beside:
    """The always-on memories, and their main blobs."""

    memories: Sequence[Memory]
    mains: Sequence[str]


def _groups(commit: Commit, memories: Sequence[Memory]) -> list[list[int]]:
    """The places of the gated deltas that one editor wrote at one module, and that keys find, or keys don't."""
    groups: dict[tuple[str, tuple[str, ...], bool], list[int]] = {}
    for place, (entry, memory) in enumerate(zip(commit.memories, memories, strict=True)):
        if isinstance(memory.change, MaskedDelta) and not memory.always_on:
            # Format 1, which leaves it to the blobs, has one editor a store.
            name = "" if entry.editor is None else entry.editor.name
            groups.setdefault((name, memory.modules, memory.gate.by_keys), []).append(place)
    return list(groups.values())


def _merged(
    store: Store,
    base: LoadedBase,
    entries: Sequence[MemoryEntry],
    memories: Sequence[Memory],
    beside: _Beside,
    progress: Listener | None,
    *,
    always_on: bool = False,
) -> Memory | None:
    modern = [modern_entry(store.objects, entry) for entry in entries]
    choice = modern[-1].editor or EditorChoice()
    made_from = [
        store.config.base.fingerprint,
        str(base.model.dtype),
        canonical_json(choice.to_json()).decode(),
        *(f"{entry.id} {entry.main}" for entry in modern),
        *(f"always {main}" for main in beside.mains),
        *(["always-on"] if always_on else []),
    ]
    edits = history.edits_of(store, list(dict.fromkeys(edit for memory in memories for edit in memory.edits)))
    merged: list[Memory] = []

    def merge() -> Blob:
        owner = bind(choice)
        resources = StoreResources(base, store.config.base, PendingBlobs(store.objects), choice.resources)
        for need in owner.needs():
            # Of the plain base model.
            resources.get(need.resource, need.module)
        with attached(base, beside.memories):
            found = (owner.always_on if always_on else owner.merge)(base, resources, memories, edits, progress)
        merged.extend([] if found is None else [found])
        return _NOTHING if found is None else _packed(found)

    blob = cached_blob(KIND, made_from, merge)
    if merged or blob.id == _NOTHING.id:
        return merged[0] if merged else None
    return _unpacked(blob, memories)


_NOTHING = Blob(KIND)
"""What is remembered of memories that can't be merged."""


def _packed(memory: Memory) -> Blob:
    """A merge but for its keys, which are those of the memories."""
    parts = memory.change.parts()
    arrays = {
        f"{role}_{name}": Array(*to_raw(tensor))
        for role, part in parts.items()
        for name, tensor in part.tensors.items()
    }
    meta = {
        "kind": memory.change.kind,
        "modules": list(memory.modules),
        "gate": memory.gate.name,
        "threshold": memory.gate.threshold,
        "edits": list(memory.edits),
        "parts": {role: dict(part.meta) for role, part in parts.items()},
    }
    return Blob(KIND, meta, arrays)


def _unpacked(blob: Blob, memories: Sequence[Memory]) -> Memory:
    try:
        held = part_of(blob).tensors
        parts = {
            role: Part(
                meta, {name.removeprefix(f"{role}_"): held[name] for name in held if name.startswith(f"{role}_")}
            )
            for role, meta in blob.meta["parts"].items()
        }
        change = kind_of(blob.meta["kind"]).of(tuple(blob.meta["modules"]), parts)
        edits = tuple(blob.meta["edits"])
        gate = gate_name(blob.meta["gate"])
        keys = joined_keys(memories, edits) if gate in ("keys", "both") else None
        return Memory(MERGED, change, Gate(gate, float(blob.meta["threshold"]), keys), edits)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptObject("a remembered merge can't be read", hint="Delete wisedb's cache folder.") from error
