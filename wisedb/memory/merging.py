"""WISE-Merge: all shards as one side memory, W_v' ← W_v + TIES(T_e; W_v) (WISE §2.3.2)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from peft.utils.merge_utils import ties

from wisedb.errors import UsageError
from wisedb.memory.gates.keys.edit_keys import KeyRing
from wisedb.memory.kinds.masked_delta import SideMemory

MERGED = "merged"
"""The id of a merge."""

DENSITY = 0.53
"""The share of each shard's entries that TIES keeps, as in the source."""


def ties_merge(memories: Sequence[SideMemory], density: float = DENSITY) -> torch.Tensor:
    """Trim, elect signs, disjoint mean: peft's TIES over the shards' ΔW with equal weights of 1.

    Each ΔW keeps its ``density * d_ff * d_model`` largest entries (the share counts the zeros outside the mask, as in
    the source, so that a mask ratio below the density leaves nothing to trim). Where shards disagree, the sign with
    the larger total wins and the mean runs over the shards that have it. Computed in float32.

    Args:
        memories: one or more memories of one shape.
        density: above 0 and at most 1; 1 trims nothing.

    Returns:
        ΔW (d_ff, d_model) in the memories' dtype.

    Raises:
        UsageError: no memory, memories of different shapes, or a density out of range.
    """
    if not memories:
        raise UsageError("there is no memory to merge", hint="Commit an edit first.")
    if not 0.0 < density <= 1.0:
        raise UsageError(f"a density of {density} is not possible", hint="Choose a density above 0 and at most 1.")
    if len({memory.shape for memory in memories}) > 1:
        raise UsageError("memories of different shapes can't be merged", hint="They belong to different base models.")
    deltas = [memory.dense().float() for memory in memories]
    with warnings.catch_warnings():
        # peft warns that a density of 1 trims nothing, which is what it is for.
        warnings.filterwarnings("ignore", message="The density")
        merged: torch.Tensor = ties(deltas, torch.ones(len(deltas)), density, majority_sign_method="total")
    return merged.to(memories[0].values.dtype)


def merged_memory(memories: Sequence[SideMemory], threshold: float, density: float = DENSITY) -> SideMemory:
    """The merge of the memories as one memory with a threshold of its own, over the union of their entries.

    It has the keys of all, if all have keys.
    """
    delta = ties_merge(memories, density)
    mask = torch.stack([memory.mask for memory in memories]).any(dim=0)
    edits = tuple(dict.fromkeys(edit for memory in memories for edit in memory.edits))
    place = {edit: number for number, edit in enumerate(edits)}
    rings = [(memory.keys, [place[edit] for edit in memory.edits]) for memory in memories if memory.keys is not None]
    keys = KeyRing.joined(rings) if len(rings) == len(memories) else None
    return SideMemory(MERGED, mask, delta[mask.to(delta.device)], threshold, edits, keys)
