"""Memories attached to a base model: for a while, or for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wisedb.memory.hooks import AttachedMemories, attach

if TYPE_CHECKING:
    from wisedb.memory.memory import Memory
    from wisedb.model.base import LoadedBase


@contextmanager
def attached(base: LoadedBase, memories: Sequence[Memory]) -> Iterator[AttachedMemories | None]:
    """Memories on a model for the length of a block, ``None`` where there are none; the model is left as it was."""
    if not memories:
        yield None
        return
    handle = attach_all(base, memories)
    try:
        yield handle
    finally:
        handle.detach()


def attach_all(base: LoadedBase, memories: Sequence[Memory]) -> AttachedMemories:
    """Attach memories to a model for good."""
    modules = dict.fromkeys(module for memory in memories for module in memory.modules)
    return attach(base.model, memories, projections={module: base.projection(module) for module in modules})
