"""What a commit's memories hold, edit by edit, and how far an earlier version of one can be taken over. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.canonical import canonical_json
from wisedb.config import EditorChoice
from wisedb.editors.streams import ShardStream, StreamItem, effective, lessons, runs
from wisedb.edits import Edit
from wisedb.errors import CorruptObject
from wisedb.store.blobs import Array, Blob

if TYPE_CHECKING:
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

Ids = tuple[tuple[str, tuple[str, ...], int | None], ...]
"""A stream as ids: (edit, its replay edits, its lesson) in order."""

_Lessons = tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]


@dataclass(frozen=True, slots=True)
class Start:
    """An earlier version of a memory from which training goes on.

    Attributes:
        delta: its blob.
        items: how many items of the new effective stream it holds already.
    """

    delta: str
    items: int


def read_streams(store: Store, commit: Commit | None, choice: EditorChoice | None = None) -> list[ShardStream]:
    """The streams of a commit's memories, oldest memory first, with the edits' records.

    Args:
        store: the store.
        commit: whose memories.
        choice: how new edits are to be written: memories that were begun otherwise are not open to them.
    """
    if commit is None:
        return []
    begun = {memory.id: store.recent.meta(memory.id) for memory in commit.memories}
    listed = [(memory.id, stream_ids(store.recent.meta(memory.main))) for memory in commit.memories]
    wanted = dict.fromkeys(edit_id for _, stream in listed for item, replay, _ in stream for edit_id in (item, *replay))
    edits = {edit.id: edit for edit in store.recent.edits(store, commit, list(wanted))}
    return [
        ShardStream(
            memory_id,
            tuple(
                StreamItem(edits[item], tuple(edits[other] for other in replay), lesson)
                for item, replay, lesson in stream
            ),
            begun[memory_id].get("seed"),
            choice_in(begun[memory_id]) == choice,
        )
        for memory_id, stream in listed
    ]


def choice_of(store: Store, memory_id: str) -> EditorChoice:
    """The editor, the settings and the seed that a memory was begun with, and is trained with to its end.

    Raises:
        CorruptObject: its mask doesn't say.
    """
    return choice_in(store.recent.meta(memory_id))


def choice_in(mask: Mapping[str, Any]) -> EditorChoice:
    """The same, from the mask's meta."""
    try:
        return EditorChoice.from_json(mask["editor"])
    except (KeyError, TypeError) as error:
        raise CorruptObject(f"a memory doesn't say how it is trained: {error}", hint="Run `wisedb fsck`.") from error


def stream_ids(meta: Mapping[str, Any]) -> Ids:
    """The stream that a delta's meta lists; an item that names no lesson was learned by itself."""
    return tuple((item["edit"], tuple(item["replay"]), item.get("lesson")) for item in meta["stream"])


def in_force(store: Store, commit: Commit | None) -> tuple[str, ...]:
    """The ids of the edits in force at a commit, memory by memory."""
    if commit is None:
        return ()
    return tuple(edit_id for memory in commit.memories for edit_id in store.recent.meta(memory.main).get("edits", ()))


def changes(before: Iterable[str], after: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(added, reverted): the edits in force after and not before, and the other way round, in their order."""
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    return tuple(item for item in new if item not in old), tuple(item for item in old if item not in new)


def find_start(store: Store, heads: Sequence[str], memory_id: str, stream: Sequence[StreamItem]) -> Start | None:
    """The longest earlier version of a memory whose effective stream is the beginning of that of ``stream``.

    Training is a fold over the lessons of the effective stream, so that going on from such a version gives what
    training from nothing would have given; a version that holds a part of a lesson only is no beginning. Of the
    versions at the heads the longest that fits is taken at once, as one does whenever edits are only added; otherwise
    the whole history behind the heads is searched.

    Args:
        store: the store.
        heads: the commits behind which to look: the tip, and of a merge the other side too.
        memory_id: which memory.
        stream: what it shall hold.
    """
    wanted = _ids(effective(stream))
    whole = sum(len(lesson) for lesson in wanted)
    if not wanted:
        return None
    best: Start | None = None
    seen: set[str] = set()
    queue = list(dict.fromkeys(heads))
    known, left = set(queue), len(queue)
    while queue:
        commit = store.objects.commit(queue.pop(0))
        left -= 1
        version = next((memory.main for memory in commit.memories if memory.id == memory_id), None)
        if version is not None and version not in seen:
            seen.add(version)
            held = _effective_ids(store, version)
            items = sum(len(lesson) for lesson in held)
            if wanted[: len(held)] == held and (best is None or items > best.items):
                best = Start(version, items)
        if best is not None and (best.items == whole or left == 0):
            return best
        for parent in commit.parents:
            if parent not in known:
                known.add(parent)
                queue.append(parent)
    return best


def _ids(stream: Iterable[StreamItem]) -> _Lessons:
    return tuple(
        tuple((item.edit.id, tuple(other.id for other in item.replay)) for item in lesson) for lesson in lessons(stream)
    )


def _effective_ids(store: Store, delta: str) -> _Lessons:
    # What is in force of a stream are exactly its effective items; an id that came twice counts where it came last.
    meta = store.recent.meta(delta)
    last = {item[0]: item for item in stream_ids(meta)}
    held = (last[edit_id] for edit_id in meta["edits"])
    return tuple(
        tuple((edit_id, replay) for edit_id, replay, _ in lesson) for lesson in runs(held, lambda item: item[2])
    )


def edits_blob(edits: Sequence[Edit]) -> Blob:
    """The records of the edits that a commit introduces."""
    data = canonical_json([edit.content() for edit in edits])
    return Blob("edits", {"edits": [edit.id for edit in edits]}, {"records": Array("U8", (len(data),), data)})
