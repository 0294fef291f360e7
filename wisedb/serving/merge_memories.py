"""WISE-Merge: one memory that says what all of a commit's memories say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wisedb.canonical import canonical_json
from wisedb.editors.protocol import editor as find_editor
from wisedb.errors import CorruptObject
from wisedb.memory.merging import DENSITY, MERGED, merged_memory
from wisedb.model.tensors import from_raw, to_raw
from wisedb.progress import Listener
from wisedb.serving.key_blobs import STATISTICS
from wisedb.serving.memory_codec import Draft, merged_entry, read_memories
from wisedb.serving.resources import prepare
from wisedb.store import history
from wisedb.store.blobs import Array, Blob
from wisedb.store.derived_cache import remembered_blob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisedb.memory.kinds.masked_delta import SideMemory
    from wisedb.model.base import LoadedBase
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

KIND = "merge"


def ties_of(commit: Commit, memories: Sequence[SideMemory]) -> SideMemory:
    """The TIES merge of a commit's memories, as the source has it.

    Of a single one there is nothing to settle; where merges are fitted, it isn't trimmed either.
    """
    if is_fitted(commit) and len(memories) == 1:
        return replace(memories[0], id=MERGED)
    merged = commit.merged or {}
    return merged_memory(memories, float(merged.get("threshold", 0.0)), float(merged.get("density", DENSITY)))


def is_fitted(commit: Commit) -> bool:
    """Whether the commit's merge is fitted behind TIES."""
    return bool((commit.merged or {}).get("fitted"))


def consolidated(
    store: Store,
    base: LoadedBase,
    commit: Commit,
    memories: Sequence[SideMemory],
    *,
    progress: Listener | None = None,
) -> SideMemory:
    """The merge of a commit's memories; fitted on all of its edits where the commit says so.

    Shards that each were written by themselves contradict each other where their masks overlap, and TIES settles that
    entry by entry, without knowing what an entry is for: of 350 edits in three shards two thirds are left. The store
    knows every edit. So the merge is where a last lesson begins, over all edits in force, in the union of the masks.
    That takes as long as writing them did; it is done when a merge is first asked for, and remembered. It is a function
    of the base model, the memories and the commit's settings.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        commit: whose memories.
        memories: those, one at least.
        progress: is told how far it is.

    Raises:
        TrainingFailed: see the editor.
        MissingObject: an edit's record is not there.
    """
    ties = ties_of(commit, memories)
    if not is_fitted(commit) or len(memories) == 1:
        return ties
    made_from = [
        store.config.base.fingerprint,
        store.config.base.target,
        str(base.model.dtype),
        canonical_json(commit.editor.to_json()).decode(),
        *(f"{memory.id} {memory.main}" for memory in commit.memories),
    ]
    blob = remembered_blob(KIND, made_from, lambda: _fitted(store, base, commit, ties, progress))
    array = blob.arrays.get("values")
    if array is None or array.shape != tuple(ties.values.shape):
        raise CorruptObject("a remembered merge is of other memories", hint="Delete wisedb's cache folder.")
    return replace(ties, values=from_raw(array.dtype, array.shape, array.data))


def as_one(store: Store, base: LoadedBase, commit: Commit, *, progress: Listener | None = None) -> tuple[Commit, Draft]:
    """A commit as if its merge were its only memory, for a folder that holds no edits to fit a merge by.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        commit: the commit; where it has one memory, that is its merge already.
        progress: is told how far it is.

    Returns:
        What of the commit is needed to assemble a model, and where its blobs are.
    """
    draft = Draft(store.objects)
    if len(commit.memories) < 2:
        return commit, draft
    merged = consolidated(store, base, commit, read_memories(draft, commit.memories), progress=progress)
    statistics = commit.memories[0].blobs.get(STATISTICS)
    entry = merged_entry(draft, merged, commit.editor, statistics)
    # The merge of this one memory is itself: it must not be trimmed again.
    return replace(commit, memories=(entry,), merged={"density": 1.0, "threshold": merged.threshold}), draft


def _fitted(store: Store, base: LoadedBase, commit: Commit, ties: SideMemory, progress: Listener | None) -> Blob:
    choice = commit.editor
    kind = find_editor(choice.name)
    edits = history.edits_of(store, list(ties.edits))
    values: Any = kind.consolidate(
        prepare(store, base, choice),
        kind.configure(choice.settings),
        choice.seed,
        ties.mask,
        ties.values,
        edits,
        progress,
    )
    return Blob(KIND, {"memories": [memory.main for memory in commit.memories]}, {"values": Array(*to_raw(values))})
