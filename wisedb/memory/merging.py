"""WISE-Merge: all shards as one side memory, W_v' ← W_v + TIES(T_e; W_v) (WISE §2.3.2)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch

from wisedb.errors import UsageError
from wisedb.memory.gates.base import Gate, GateName
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.memory import Memory

MERGED = "merged"
"""The id of a merge."""

DENSITY = 0.53
"""The share of each shard's entries that TIES keeps, as in the source."""


def ties_merge(deltas: Sequence[MaskedDelta], density: float = DENSITY) -> torch.Tensor:
    """Trim, elect signs, disjoint mean: peft's TIES over the shards' ΔW with equal weights of 1.

    Each ΔW keeps its ``density * d_ff * d_model`` largest entries (the share counts the zeros outside the mask, as in
    the source, so that a mask ratio below the density leaves nothing to trim). Where shards disagree, the sign with
    the larger total wins and the mean runs over the shards that have it. Computed in float32.

    Args:
        deltas: one or more, at one module.
        density: above 0 and at most 1; 1 trims nothing.

    Returns:
        ΔW (d_ff, d_model) in the values' dtype.

    Raises:
        UsageError: no delta, deltas of different modules or shapes, or a density out of range.
    """
    if not deltas:
        raise UsageError("there is no memory to merge", hint="Commit an edit first.")
    if not 0.0 < density <= 1.0:
        raise UsageError(f"a density of {density} is not possible", hint="Choose a density above 0 and at most 1.")
    if len({(delta.module, delta.packed.shape) for delta in deltas}) > 1:
        raise UsageError("memories of different modules can't be merged", hint="Load the commit in mode 'retrieve'.")
    dense = [delta.dense().float() for delta in deltas]
    # It loads much, and who only asks a model never merges.
    from peft.utils.merge_utils import ties

    with warnings.catch_warnings():
        # peft warns that a density of 1 trims nothing, which is what it is for.
        warnings.filterwarnings("ignore", message="The density")
        merged: torch.Tensor = ties(dense, torch.ones(len(dense)), density, majority_sign_method="total")
    return merged.to(deltas[0].values.dtype)


def merged_memory(memories: Sequence[Memory], threshold: float, density: float = DENSITY) -> Memory:
    """The merge of masked deltas as one memory with a threshold of its own, over the union of their entries.

    It has the keys of all, if all have keys.

    Raises:
        UsageError: see :func:`ties_merge`; or a memory of another kind.
    """
    deltas = [memory.change for memory in memories if isinstance(memory.change, MaskedDelta)]
    if len(deltas) != len(memories):
        raise UsageError("only masked deltas can be merged", hint="Load the commit in mode 'retrieve'.")
    delta = ties_merge(deltas, density)
    mask = torch.stack([each.mask for each in deltas]).any(dim=0)
    edits = tuple(dict.fromkeys(edit for memory in memories for edit in memory.edits))
    place = {edit: number for number, edit in enumerate(edits)}
    rings = [
        (memory.gate.keys, [place[edit] for edit in memory.edits])
        for memory in memories
        if memory.gate.keys is not None
    ]
    keys = EditKeys.joined(rings) if len(rings) == len(memories) else None
    name: GateName = "activation" if keys is None else "both" if threshold > 0 else "keys"
    change = MaskedDelta.under(deltas[0].module, mask, delta[mask.to(delta.device)])
    return Memory(MERGED, change, Gate(name, threshold, keys), edits)


def joined_keys(memories: Sequence[Memory], edits: Sequence[str]) -> EditKeys | None:
    """The keys of all memories as those of one that holds ``edits``, ``None`` if one has none."""
    place = {edit: number for number, edit in enumerate(edits)}
    keyed = [(memory.gate.keys, memory.edits) for memory in memories if memory.gate.keys is not None]
    rings = [(ring, [place[edit] for edit in held]) for ring, held in keyed]
    return EditKeys.joined(rings) if len(rings) == len(memories) else None
