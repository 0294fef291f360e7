"""WISE-Merge: W_v' ← W_v + TIES(T_e; W_v), T_e the shards' ΔW (§2.3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from wisedb.editors.wise.threshold import threshold
from wisedb.editors.wise.unrelated import Prompts
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.memory import Memory
from wisedb.memory.merging import DENSITY, merged_memory


@torch.no_grad()
def merge(
    memories: Sequence[Memory], own: Prompts, ratio: float, device: torch.device, density: float = DENSITY
) -> Memory:
    """All shards as one side memory: trim, elect signs, disjoint mean (:func:`wisedb.memory.merging.ties_merge`).

    Args:
        memories: the shards, one at least.
        own: the prompts of all their edits. ε is measured over them anew: TIES halves what shards disagree on.
        ratio: of ε, see :func:`threshold`.
        device: where the prompts' states live.
        density: TIES keeps this share of each shard's entries, those outside its mask counted in.
    """
    merged = merged_memory(memories, 0.0, density)
    assert isinstance(merged.change, MaskedDelta)
    delta: Tensor = merged.change.dense(device, torch.float32)
    return replace(merged, gate=Gate("activation", threshold(own.activations(delta), ratio)))
