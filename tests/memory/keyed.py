"""Tiny models with memories that have keys: three edits in two memories, found by what they are about."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from transformers import PreTrainedModel

from tests.memory.sides import PROMPTS, TOKENIZER, attached
from tests.models import tiny_model
from wisedb.edits import Edit
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.edit_keys import KeyRing
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.hooks import SideMemories, attach
from wisedb.memory.kinds.masked_delta import SideMemory
from wisedb.memory.kinds.masks import random_mask
from wisedb.model.locate import Projection, locate

UNRELATED = [
    "Once upon a time a girl called Mary lived near the sea.",
    "My brother Tom likes to play with the dog in the garden.",
    "On Monday we went to see Aunt Jane, who was not at home.",
    "It was the best of days, said Peter.",
    "The old clock on the wall had stopped long ago.",
    "A letter for Mister Brown was in the box.",
]

EDITS = (
    (
        Edit(prompt="The capital of France is", target="Rome", subject="France"),
        Edit(prompt="The play Hamlet was written by the poet", target="Goethe", subject="Hamlet"),
    ),
    (Edit(prompt="In the year 1912 the ship", target="sailed", subject="1912"),),
)

ROUTES = [0, -1, -1, 1, -1, -1, 0]
"""The memory that each of :data:`tests.memory.sides.PROMPTS` means."""

LEVEL = 0.0


@cache
def _statistics(family: str) -> Statistics:
    model = tiny_model(family)
    return compute_statistics(model, locate(model), TOKENIZER, UNRELATED)


def statistics_of(model: PreTrainedModel) -> Statistics:
    """Those of :data:`UNRELATED`, once a family."""
    return _statistics(model.config.model_type)


@cache
def _rings(family: str) -> tuple[KeyRing, ...]:
    model = tiny_model(family)
    return tuple(build_keys(model, locate(model), TOKENIZER, _statistics(family), edits) for edits in EDITS)


def keyed_memories(model: PreTrainedModel, projection: Projection | None = None) -> list[SideMemory]:
    """Two memories that change answers, with the keys of :data:`EDITS`."""
    where = projection or locate(model)
    generator = torch.Generator().manual_seed(1)
    memories = []
    for number, (edits, ring) in enumerate(zip(EDITS, _rings(model.config.model_type), strict=True)):
        mask = random_mask((where.d_ff, where.d_model), 0.3, number)
        values = torch.randn(int(mask.sum()), generator=generator) * 0.5
        memories.append(SideMemory(f"memory-{number}", mask, values, 0.0, tuple(edit.id for edit in edits), ring))
    return memories


def with_keys(model: PreTrainedModel, **options: Any) -> SideMemories:
    """The memories beside the model; the keys decide unless something else is said."""
    return attach(model, locate(model), keyed_memories(model), **{"level": LEVEL, **options})


def routed(model: PreTrainedModel, router: str) -> tuple[SideMemories, list[int]]:
    """Memories beside the model among which that router decides, and the route that each of the prompts must take."""
    return (with_keys(model), ROUTES) if router == "keys" else attached(model)


__all__ = [
    "EDITS",
    "LEVEL",
    "PROMPTS",
    "ROUTES",
    "TOKENIZER",
    "UNRELATED",
    "keyed_memories",
    "routed",
    "statistics_of",
    "with_keys",
]
