"""Codebooks for tiny models: three edits in two codebooks, whose keys are what enters the module at a prompt's end."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from tests.memory.sides import PROMPTS, batch, forward
from wisedb.memory.gates.base import Gate
from wisedb.memory.hooks import AttachedMemories, attach
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection, locate

HELD = ((0, 6), (3,))
"""The prompts, by number, of which each codebook has a key."""


def entering(model: PreTrainedModel, projection: Projection, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """What enters the module at each token of a text, (T, d_in), and what it gives, (T, d_out)."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    hook = projection.module.register_forward_hook(lambda _module, args, output: seen.append((args[0], output)))
    forward(model, **batch([text]))
    hook.remove()
    return seen[0][0].reshape(-1, projection.d_ff), seen[0][1].reshape(-1, projection.d_model)


def codebooks(model: PreTrainedModel, projection: Projection | None = None) -> list[Memory]:
    """One memory for each of :data:`HELD`; no key is within reach of any other token of the prompts."""
    where = projection or locate(model)
    states, outputs = zip(*(entering(model, where, prompt) for prompt in PROMPTS), strict=True)
    generator = torch.Generator().manual_seed(4)
    spread = torch.cat(outputs).std() * 3
    memories = []
    for number, held in enumerate(HELD):
        keys = torch.stack([states[prompt][-1] for prompt in held])
        others = torch.cat([states[n][: -1 if n in held else None] for n in range(len(PROMPTS))])
        mine = torch.cat([others, keys])
        distance = torch.cdist(keys, mine, compute_mode="donot_use_mm_for_euclid_dist")
        for entry in range(len(keys)):
            distance[entry, len(others) + entry] = torch.inf
        radii = distance.amin(dim=1) / 2
        assert (radii > 1e-2).all()
        values = torch.randn(len(held), where.d_model, generator=generator) * spread
        book = Codebook(where.name, keys, values, radii, torch.arange(len(held)))
        edits = tuple(f"edit-{prompt}" for prompt in held)
        memories.append(Memory(f"book-{number}", book, Gate("nearest"), edits))
    return memories


def with_codebooks(model: PreTrainedModel) -> AttachedMemories:
    """The codebooks beside the model."""
    return attach(model, codebooks(model))
