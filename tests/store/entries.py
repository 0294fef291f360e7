"""Memories as a commit lists them."""

from __future__ import annotations

from wisedb.config import EditorChoice
from wisedb.store.memory_entry import MemoryEntry

MODULE = "model.layers.5.mlp.down_proj"
CHOICE = EditorChoice(settings={"target": MODULE})


def memory_entry(mask: str, delta: str) -> MemoryEntry:
    """A memory as an editor begins it: a masked delta behind a gate by activation."""
    blobs = {"mask": mask, "delta": delta}
    return MemoryEntry(mask, "masked_delta", "activation", CHOICE, (MODULE,), delta, blobs)
