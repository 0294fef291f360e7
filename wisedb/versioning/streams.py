"""What a commit's memories hold, edit by edit, and how far an earlier version of one can be taken over. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.canonical import canonical_json, digest
from wisedb.config import EditorChoice
from wisedb.editors.registry import find, settings_of
from wisedb.editors.streams import Held, StreamItem, batches, effective, runs
from wisedb.edits import Edit
from wisedb.errors import CorruptObject
from wisedb.store.blobs import Array, Blob

if TYPE_CHECKING:
    from wisedb.store.commits import Commit
    from wisedb.store.memory_entry import MemoryEntry
    from wisedb.store.store import Store

Ids = tuple[tuple[str, tuple[str, ...], int | None], ...]
"""A stream as ids: (edit, its companions, its batch) in order."""

_Batches = tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]


@dataclass(frozen=True, slots=True)
class Owned:
    """A memory that exists, and who began it.

    Attributes:
        owner: the editor, with the settings and the seed that the memory is trained with to its end.
        held: what it holds.
    """

    owner: EditorChoice
    held: Held


@dataclass(frozen=True, slots=True)
class Start:
    """An earlier version of a memory from which training goes on.

    Attributes:
        entry: the memory as a commit had it.
        items: how many items of the new effective stream it holds already.
        places: where not all of its edits are among them, the places of those that are.
    """

    entry: MemoryEntry
    items: int
    places: tuple[int, ...] | None = None


def read_streams(store: Store, commit: Commit | None, choice: EditorChoice | None = None) -> list[Owned]:
    """The streams of a commit's memories, oldest memory first, with the edits' records.

    Args:
        store: the store.
        commit: whose memories.
        choice: how new edits are to be written: memories that were begun otherwise are not open to them.
    """
    if commit is None:
        return []
    listed = [(memory, stream_ids(store.blob_cache.meta(memory.main))) for memory in commit.memories]
    wanted = dict.fromkeys(edit_id for _, stream in listed for item, rest, _ in stream for edit_id in (item, *rest))
    edits = {edit.id: edit for edit in store.blob_cache.edits(store, commit, list(wanted))}
    found = []
    for place, (memory, stream) in enumerate(listed):
        owner = owner_of(store, memory)
        items = tuple(
            StreamItem(edits[item], tuple(edits[other] for other in companions), batch)
            for item, companions, batch in stream
        )
        # What stands behind an always-on memory was trained beside it: it must not change under that.
        last = memory.gate != "always" or place == len(listed) - 1
        can_take = choice is not None and alike(owner, choice) and last
        found.append(Owned(owner, Held(memory.id, items, store.blob_cache.meta(memory.id).get("seed"), can_take)))
    return found


def owner_of(store: Store, memory: MemoryEntry) -> EditorChoice:
    """The editor, the settings and the seed that a memory was begun with, and is trained with to its end.

    Raises:
        CorruptObject: its beginning doesn't say.
    """
    return memory.owner({} if memory.editor is not None else store.blob_cache.meta(memory.id))


def modern_memories(store: Store, commit: Commit) -> tuple[MemoryEntry, ...]:
    """A commit's memories as format 2 has them.

    Raises:
        CorruptObject: one doesn't say who began it, or its gate.
    """
    meta = store.blob_cache.meta
    return tuple(
        memory if commit.format > 1 else memory.modern(meta(memory.id), meta(memory.main)) for memory in commit.memories
    )


def before(memories: Iterable[MemoryEntry]) -> str:
    """The always-on memories among some, as one word: empty for none. A memory is a function of those before it."""
    mains = [memory.main for memory in memories if memory.gate == "always"]
    return digest(canonical_json(mains)) if mains else ""


def alike(one: EditorChoice, other: EditorChoice) -> bool:
    """Whether both train the same way: what they derived from the base model on the way has no part in that.

    A setting that an earlier version didn't have stands at its default there.
    """
    if one.given == other.given or one.name != other.name:
        return one.given == other.given
    editor = find(one.name)
    spelt = [replace(each.given, settings=settings_of(editor, each.settings)) for each in (one, other)]
    return spelt[0] == spelt[1]


def stream_ids(meta: Mapping[str, Any]) -> Ids:
    """The stream that the meta of a memory's main blob lists; format 1 has other names for the same.

    Raises:
        CorruptObject: it lists none.
    """
    if "stream" not in meta:
        raise CorruptObject("a memory doesn't say what it was trained on", hint="Run `wisedb fsck`.")
    return tuple(
        (
            item["edit"],
            tuple(item.get("companions", item.get("replay", ()))),
            item.get("batch", item.get("lesson")),
        )
        for item in meta["stream"]
    )


def in_force_at(store: Store, commit: Commit | None) -> tuple[str, ...]:
    """The ids of the edits in force at a commit, memory by memory."""
    if commit is None:
        return ()
    return tuple(
        edit_id for memory in commit.memories for edit_id in store.blob_cache.meta(memory.main).get("edits", ())
    )


def changes(before: Iterable[str], after: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(added, reverted): the edits in force after and not before, and the other way round, in their order."""
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    return tuple(item for item in new if item not in old), tuple(item for item in old if item not in new)


def find_start(
    store: Store, heads: Sequence[str], memory_id: str, stream: Sequence[StreamItem], before: str
) -> Start | None:
    """The longest earlier version of a memory whose effective stream is the beginning of that of ``stream``.

    Training is a fold over the batches of the effective stream, beside the always-on memories that stand before it, so
    that going on from such a version gives what training from nothing would have given; a version that holds a part of
    a batch only is no beginning. Of the versions at the heads the longest that fits is taken at once, as one does
    whenever edits are only added; otherwise the whole history behind the heads is searched.

    Args:
        store: the store.
        heads: the commits behind which to look: the tip, and of a merge the other side too.
        memory_id: which memory.
        stream: what it shall hold.
        before: the always-on memories before it, as :func:`before` has them.
    """
    wanted = _ids(effective(stream))
    whole = sum(len(batch) for batch in wanted)
    if not wanted:
        return None
    best: Start | None = None
    seen: set[str] = set()
    queue = list(dict.fromkeys(heads))
    known, left = set(queue), len(queue)
    while queue:
        commit = store.objects.commit(queue.pop(0))
        left -= 1
        version = next((memory for memory in commit.memories if memory.id == memory_id), None)
        if version is not None and version.main not in seen:
            seen.add(version.main)
            meta = store.blob_cache.meta(version.main)
            held = _effective_ids(meta)
            items = sum(len(batch) for batch in held)
            fits = meta.get("before", "") == before and wanted[: len(held)] == held
            if fits and (best is None or items > best.items):
                best = Start(version, items)
        if best is not None and (best.items == whole or left == 0):
            return best
        for parent in commit.parents:
            if parent not in known:
                known.add(parent)
                queue.append(parent)
    return best


def pick_start(entry: MemoryEntry, meta: Mapping[str, Any], stream: Sequence[StreamItem], before: str) -> Start | None:
    """A memory as it is, without the edits that ``stream`` lacks, where the others are the beginning of that stream.

    For an editor whose edits don't depend on each other (:class:`wisedb.editors.protocol.PicksEdits`).

    Args:
        entry: the memory.
        meta: of its main blob.
        stream: what it shall hold.
        before: the always-on memories before it, as :func:`before` has them.
    """
    wanted = [item.edit.id for item in effective(stream)]
    there = set(wanted)
    places = tuple(place for place, edit in enumerate(meta["edits"]) if edit in there)
    kept = [meta["edits"][place] for place in places]
    if not kept or meta.get("before", "") != before or kept != wanted[: len(kept)]:
        return None
    return Start(entry, len(kept), places)


def _ids(stream: Iterable[StreamItem]) -> _Batches:
    return tuple(
        tuple((item.edit.id, tuple(other.id for other in item.companions)) for item in batch)
        for batch in batches(stream)
    )


def _effective_ids(meta: Mapping[str, Any]) -> _Batches:
    # What is in force of a stream are exactly its effective items; an id that came twice counts where it came last.
    last = {item[0]: item for item in stream_ids(meta)}
    if not last.keys() >= set(meta["edits"]):
        raise CorruptObject("a memory holds an edit that it wasn't trained on", hint="Run `wisedb fsck`.")
    held = (last[edit_id] for edit_id in meta["edits"])
    return tuple(
        tuple((edit_id, companions) for edit_id, companions, _ in batch) for batch in runs(held, lambda item: item[2])
    )


def edits_blob(edits: Sequence[Edit]) -> Blob:
    """The records of the edits that a commit introduces."""
    data = canonical_json([edit.content() for edit in edits])
    return Blob("edits", {"edits": [edit.id for edit in edits]}, {"records": Array("U8", (len(data),), data)})
