"""A commit's memories as they answer: which there are in a mode, attached for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from wisedb.errors import UsageError
from wisedb.memory.hooks import AttachedMemories
from wisedb.progress import Listener
from wisedb.serving.attached import attached
from wisedb.serving.blobs import BlobSource
from wisedb.serving.in_context import in_context, unsure_facts
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.merge_memories import merge_memories

if TYPE_CHECKING:
    from wisedb.memory.context.build import UnsureFacts
    from wisedb.memory.memory import Memory
    from wisedb.model.base import LoadedBase
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

Mode = Literal["retrieve", "merge", "context", "hybrid", "base"]
"""How memories answer: each behind its own gate / those of an editor merged into one / by their facts in the context /
each behind its own keys, and by facts in the context where these are unsure / none."""

MODES: tuple[Mode, ...] = ("retrieve", "merge", "context", "hybrid", "base")


def check_mode(mode: str) -> Mode:
    """The mode, if it is one.

    Raises:
        UsageError: it isn't.
    """
    for known in MODES:
        if mode == known:
            return known
    raise UsageError(f"there is no mode '{mode}'", hint=f"There are: {', '.join(MODES)}.")


def select_memories(
    store: Store,
    base: LoadedBase,
    commit: Commit,
    memories: Sequence[Memory],
    mode: Mode,
    *,
    progress: Listener | None = None,
) -> list[Memory]:
    """What is attached for a commit: its memories, their merge (which may take a while), their facts, or nothing.

    Args:
        store: the store.
        base: its base model, with nothing attached where a merge may have to be trained, or keys to be made.
        commit: the commit.
        memories: its memories, in its order.
        mode: how they answer.
        progress: is told how far a merge is that must be fitted first.
    """
    if mode == "base":
        return []
    if mode == "merge":
        return merge_memories(store, base, commit, memories, progress=progress)
    if mode in ("context", "hybrid"):
        return in_context(store, base, commit, memories, keyless=mode == "hybrid")
    return list(memories)


def unsure_in(store: Store, memories: Sequence[Memory], mode: Mode) -> UnsureFacts | None:
    """What goes into the context in a mode where the keys are unsure; ``None`` for nothing."""
    return unsure_facts(store, memories) if mode == "hybrid" and memories else None


@contextmanager
def attached_at_commit(
    store: Store,
    base: LoadedBase,
    commit: Commit | None,
    mode: Mode = "retrieve",
    *,
    source: BlobSource | None = None,
    progress: Listener | None = None,
) -> Iterator[AttachedMemories | None]:
    """The base model at a commit for the length of a block.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        commit: the commit, ``None`` for the plain model.
        mode: how the memories answer.
        source: where the blobs are, the store by default.
        progress: is told how far a merge is that must be fitted first.

    Yields:
        The attached memories, ``None`` where the plain model answers.
    """
    memories: list[Memory] = []
    if commit is not None and mode != "base":
        memories = read_memories(source or store.objects, commit.memories)
        memories = select_memories(store, base, commit, memories, mode, progress=progress)
    with attached(base, memories, unsure_in(store, memories, mode)) as handle:
        yield handle
