"""Small banks of masked deltas, and the matrices that they hold."""

from __future__ import annotations

import torch

from wisedb.memory.bank import Bank
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.memory import Memory


def bank_of(count: int, seed: int = 0, thresholds: list[float] | None = None) -> Bank:
    """Memories of a (6, 4) matrix, all entries masked, behind the gate ``activation``; thresholds of 0 by default."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(6, 4, dtype=torch.bool)
    memories = []
    for n in range(count):
        change = MaskedDelta.under("w", mask, torch.randn(24, generator=generator))
        memories.append(Memory(str(n), change, Gate("activation", thresholds[n] if thresholds else 0.0)))
    return Bank(memories, "w", (6, 4))


def deltas_of(memories: Bank) -> list[torch.Tensor]:
    """ΔW (6, 4) of each memory."""
    return [memory.change.delta("w") for memory in memories.memories]
