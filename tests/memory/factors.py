"""Low-rank deltas for tiny models: random, at any modules, and the model whose weights have them."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from wisedb.memory.gates.base import Gate
from wisedb.memory.hooks import handle_of
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection, locate, weight_of

ALWAYS = Gate("always")


def factors(projections: Sequence[Projection], gate: Gate = ALWAYS, seed: int = 0, id: str = "factors") -> Memory:
    """A memory that changes the modules by ΔW = L·R of rank 2, large enough to change answers."""
    generator = torch.Generator().manual_seed(seed)
    change = LowRankDelta.empty({each.name: (each.d_ff, each.d_model) for each in projections})
    for each in projections:
        left = torch.randn(each.d_ff, 2, generator=generator) * 0.3
        change = change.plus(each.name, left, torch.randn(2, each.d_model, generator=generator))
    return Memory(id, change, gate, ("edit",))


def with_weights(model: PreTrainedModel, *memories: Memory) -> PreTrainedModel:
    """A copy of the model without hooks, to whose weights the memories' ΔW are added: the definition."""
    other = copy.deepcopy(model)
    if handle := handle_of(other):
        handle.detach()
    for memory in memories:
        for module in memory.modules:
            with torch.no_grad():
                weight_of(locate(other, module)).add_(memory.change.delta(module))
    return other
