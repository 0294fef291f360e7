"""Memories for tiny models that have a part for each of their edits: rows behind keys, and residual memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from transformers import PreTrainedModel

from tests.memory.books import HELD, entering
from tests.memory.sides import PROMPTS
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.low_rank_rows import LowRankRows
from wisedb.memory.kinds.residual_memory import ResidualMemory, tophash
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection, locate


def with_rows(memories: Sequence[Memory], where: Projection) -> list[Memory]:
    """The same memories, behind the same gates, with a random row for each edit."""
    found = []
    for number, memory in enumerate(memories):
        generator = torch.Generator().manual_seed(number)
        rows = [
            (
                torch.randn(rank, where.d_ff, generator=generator) * 0.5,
                torch.randn(rank, where.d_model, generator=generator),
            )
            for rank in range(1, len(memory.edits) + 1)
        ]
        change = LowRankRows.empty(where.name, (where.d_ff, where.d_model)).plus(rows)
        found.append(replace(memory, change=change))
    return found


def residuals(model: PreTrainedModel, projection: Projection | None = None) -> list[Memory]:
    """One memory for each of :data:`HELD`, whose masks no other prompt of :data:`PROMPTS` overlaps enough."""
    where = projection or locate(model)
    means = torch.stack([entering(model, where, prompt)[0].float().mean(dim=0) for prompt in PROMPTS])
    centre, active = means.mean(dim=0), max(1, where.d_ff // 4)
    permutation = torch.from_numpy(np.random.Generator(np.random.PCG64(0)).permutation(where.d_ff).astype(np.int32))
    masks = tophash(means, centre, permutation.long(), active)
    shared = (masks.float() @ masks.float().T / active).fill_diagonal_(0)
    threshold = float(shared.max()) / 2 + 0.5
    assert threshold < 1
    memories = []
    for number, held in enumerate(HELD):
        generator = torch.Generator().manual_seed(number + 7)
        matrix = torch.randn(where.d_ff, where.d_model, generator=generator)
        packed = torch.from_numpy(np.packbits(masks[list(held)].numpy(), axis=1))
        change = ResidualMemory(where.name, permutation, active, centre, matrix, packed)
        edits = tuple(f"edit-{prompt}" for prompt in held)
        memories.append(Memory(f"residual-{number}", change, Gate("overlap", threshold), edits))
    return memories
