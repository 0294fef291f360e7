"""A commit's memories attached to a model: for a while, or for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import torch

from wisedb.errors import UsageError
from wisedb.memory.hooks import SideMemories, attach
from wisedb.model.locate import locate
from wisedb.progress import Listener
from wisedb.serving.memory_codec import Shelf, read_memories
from wisedb.serving.merge_memories import consolidated, ties_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from wisedb.memory.kinds.masked_delta import SideMemory
    from wisedb.model.base import LoadedBase
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

Mode = Literal["retrieve", "merge", "base"]
"""How memories answer: the one that fires / one merged of all / none."""

MODES: tuple[Mode, ...] = ("retrieve", "merge", "base")


def check_mode(mode: str) -> Mode:
    """The mode, if it is one.

    Raises:
        UsageError: it isn't.
    """
    for known in MODES:
        if mode == known:
            return known
    raise UsageError(f"there is no mode '{mode}'", hint=f"There are: {', '.join(MODES)}.")


def answering(commit: Commit, memories: Sequence[SideMemory], mode: Mode) -> list[SideMemory]:
    """What is attached for a commit: its memories, their TIES merge, or nothing."""
    if mode == "base" or not memories:
        return []
    return list(memories) if mode == "retrieve" else [ties_of(commit, memories)]


def fitted(
    store: Store,
    base: LoadedBase,
    commit: Commit,
    memories: Sequence[SideMemory],
    mode: Mode,
    *,
    progress: Listener | None = None,
) -> list[SideMemory]:
    """The same where the store is at hand: a merge is fitted if the commit says so, which may take a while."""
    if mode == "merge" and memories:
        return [consolidated(store, base, commit, memories, progress=progress)]
    return answering(commit, memories, mode)


def baked(weight: torch.Tensor, memories: Sequence[SideMemory]) -> torch.Tensor:
    """W_v + ΔW of the memories (WISE §2.3.2, W_v' ← W_v + TIES(T_e; W_v)), in the dtype and on the device of W_v.

    Args:
        weight: W_v, (d_ff, d_model); it is left as it was.
        memories: what :func:`answering` gave for ``merge``, or nothing.
    """
    total = weight.detach().float()
    for memory in memories:
        # Added in float32 and rounded once: half precision would lose what small changes say.
        total = total + memory.dense().to(weight.device).float()
    return total.to(weight.dtype)


def attached(model: PreTrainedModel, target: str, memories: Sequence[SideMemory], mode: Mode) -> SideMemories:
    """Attach what :func:`answering` gave to a model."""
    projection = locate(model, target)
    return attach(model, projection, memories, mode="merge" if mode == "merge" else "retrieve")


@contextmanager
def lent(
    model: PreTrainedModel, target: str, memories: Sequence[SideMemory], mode: Mode
) -> Iterator[SideMemories | None]:
    """Memories on a model for the length of a block, ``None`` where there are none; the model is left as it was."""
    if not memories:
        yield None
        return
    handle = attached(model, target, memories, mode)
    try:
        yield handle
    finally:
        handle.detach()


@contextmanager
def assembled(
    store: Store,
    base: LoadedBase,
    commit: Commit | None,
    mode: Mode = "retrieve",
    *,
    shelf: Shelf | None = None,
    progress: Listener | None = None,
) -> Iterator[SideMemories | None]:
    """The base model at a commit for the length of a block.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        commit: the commit, ``None`` for the plain model.
        mode: how the memories answer.
        shelf: where the blobs are, the store by default.
        progress: is told how far a merge is that must be fitted first.

    Yields:
        The attached memories, ``None`` where the plain model answers.
    """
    memories: list[SideMemory] = []
    if commit is not None and mode != "base":
        memories = read_memories(shelf or store.objects, commit.memories)
        memories = fitted(store, base, commit, memories, mode, progress=progress)
    with lent(base.model, store.config.base.target, memories, mode) as handle:
        yield handle
