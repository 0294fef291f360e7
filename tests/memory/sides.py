"""Memories for tiny models: random, large enough to change answers, routed differently by different prompts."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import Any, TypedDict

import torch
from transformers import PreTrainedModel

from tests.models import padded, tiny_tokenizer
from wisedb.memory.gates.base import Gate, GateName
from wisedb.memory.hooks import AttachedMemories, attach, handle_of
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.low_rank_rows import LowRankRows
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.kinds.residual_memory import ResidualMemory
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection, locate, weight_of

PROMPTS = [
    "The capital of France is",
    "Who wrote it?",
    "7 + 5 =",
    "In the year 1912 the ship",
    "東京は",
    "A",
    "The play Hamlet was written by the poet",
]

TOKENIZER = tiny_tokenizer(bos=True)


class Tolerance(TypedDict):
    """Of torch's comparisons."""

    rtol: float
    atol: float


CLOSE: Tolerance = {"rtol": 1e-4, "atol": 2e-4}
NEW = 8
"""Tokens of an answer."""


def random_memories(projection: Projection, count: int, seed: int = 0) -> list[Memory]:
    """``count`` memories with a threshold of 0: they answer everything."""
    generator = torch.Generator().manual_seed(seed)
    shape = (projection.d_ff, projection.d_model)
    memories = []
    for number in range(count):
        mask = random_mask(shape, 0.3, seed * 100 + number)
        values = torch.randn(int(mask.sum()), generator=generator) * 0.5
        change = MaskedDelta.under(projection.name, mask, values)
        memories.append(Memory(f"memory-{number}", change, Gate("activation"), (f"edit-{number}",)))
    return memories


def with_threshold(memory: Memory, threshold: float) -> Memory:
    """The memory with another ε; keys alone become keys and activation where it is above 0, and back."""
    name: GateName = "activation" if memory.gate.keys is None else "both" if threshold > 0 else "keys"
    return replace(memory, gate=Gate(name, threshold, memory.gate.keys))


def delta_of(memory: Memory) -> torch.Tensor:
    """ΔW (d_ff, d_model) of a memory at one module."""
    return memory.change.delta(memory.modules[0])


def routed_memories(model: PreTrainedModel, count: int = 3) -> list[Memory]:
    """Memories whose thresholds make the prompts take at least three routes, the base among them."""
    projection = locate(model)
    for seed in range(200):
        memories = random_memories(projection, count, seed)
        activations = measured(model, memories)
        memories = [
            with_threshold(memory, float(activations[:, number].sort().values[number + 3]) * 0.9999)
            for number, memory in enumerate(memories)
        ]
        routes = [choice(row.tolist(), memories) for row in activations]
        if -1 in routes and len(set(routes)) >= 3:
            return memories
    raise AssertionError("no seed gave three routes")


def choice(activations: list[float], memories: list[Memory]) -> int:
    """The rule in plain Python: the largest activation that reaches its threshold."""
    reached = [(value, number) for number, value in enumerate(activations) if value >= memories[number].gate.threshold]
    return max(reached)[1] if reached else -1


def measured(model: PreTrainedModel, memories: list[Memory]) -> torch.Tensor:
    """Δ_act of each prompt and memory, by the formula, without any hook: (prompts, memories)."""
    projection = locate(model)
    rows = []
    for prompt in PROMPTS:
        seen: list[torch.Tensor] = []
        hook = projection.module.register_forward_hook(lambda _m, args, _o, seen=seen: seen.append(args[0]))
        with torch.no_grad():
            model(**padded(TOKENIZER, [prompt]))
        hook.remove()
        hidden = seen[0].reshape(-1, projection.d_ff).float()
        rows.append(
            torch.stack([(hidden @ delta_of(memory)).norm(dim=-1).square().mean().sqrt() for memory in memories])
        )
    return torch.stack(rows)


def attached(model: PreTrainedModel, **options: Any) -> tuple[AttachedMemories, list[int]]:
    """Memories beside the model, and the route that each of the prompts must take."""
    memories = routed_memories(model)
    routes = [choice(row.tolist(), memories) for row in measured(model, memories)]
    return attach(model, memories, **options), routes


def batch(texts: list[str], side: str = "left") -> Any:
    """The texts padded, with the position ids that padding on the left needs."""
    encoded = padded(TOKENIZER, texts, side)
    encoded["position_ids"] = (encoded["attention_mask"].cumsum(1) - 1).clamp(min=0)
    return encoded


def forward(model: PreTrainedModel, **inputs: Any) -> torch.Tensor:
    """The logits; position ids are left out where the family takes none."""
    if model.config.model_type in ("bloom", "mpt"):
        inputs.pop("position_ids", None)
    with torch.no_grad():
        logits: torch.Tensor = model(**inputs).logits
    return logits


def edited(model: PreTrainedModel, memory: int | None, texts: list[str], edit: int = 0) -> list[torch.Tensor]:
    """What each text's logits are by the definition, without what is tested here: W_v itself is W_v' of that memory, or
    at the text's last token the value of the nearest key stands in the place of what the module gives. Of a memory
    with a part for each edit it is that of ``edit``.
    """
    other = copy.deepcopy(model)
    handle = handle_of(other)
    assert handle is not None
    memories = handle.memories
    handle.detach()
    change = None if memory is None else memories[memory].change
    if isinstance(change, Codebook):
        locate(other, change.module).module.register_forward_hook(partial(_replaced, change))
    elif change is not None:
        assert memory is not None
        held = memories[memory]
        delta = part_of(held, edit) if held.by_edit else change.delta(change.modules[0])
        with torch.no_grad():
            weight_of(locate(other, change.modules[0])).add_(delta)
    return [forward(other, **batch([text]))[0] for text in texts]


def part_of(memory: Memory, edit: int) -> torch.Tensor:
    """What one edit of a memory adds to the weight, (d_ff, d_model)."""
    change = memory.change
    if isinstance(change, ResidualMemory):
        return change.masks[edit][:, None] * change.matrix
    assert isinstance(change, LowRankRows)
    row = change.only([edit])
    return row.left.T @ row.right


def _replaced(
    book: Codebook, _module: torch.nn.Module, args: tuple[torch.Tensor], output: torch.Tensor
) -> torch.Tensor:
    last = args[0].reshape(-1, args[0].shape[-1])[-1]
    entry = (book.keys - last).norm(dim=1).argmin()
    given = output.reshape(-1, output.shape[-1])
    return torch.cat([given[:-1], book.values[entry][None]]).reshape(output.shape)


def greedy(model: PreTrainedModel, prompts: list[str] = PROMPTS, **options: Any) -> torch.Tensor:
    """The new tokens."""
    inputs = batch(prompts)
    inputs.pop("position_ids")
    out: torch.Tensor = model.generate(**inputs, **{"max_new_tokens": NEW, "do_sample": False, **options})
    return out[:, inputs["input_ids"].shape[1] :]
