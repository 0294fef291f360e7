"""Tiny models with memories that have keys: three edits in two memories, found by what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from transformers import PreTrainedModel

from tests.memory.books import with_codebooks
from tests.memory.parts import residuals, with_rows
from tests.memory.sides import PROMPTS, TOKENIZER, attached
from tests.models import LAYERS, tiny_model
from wisedb.edits import Edit
from wisedb.memory.gates.base import Gate, gate_name
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.gates.keys.index import KeyIndex, build_index
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.hooks import AttachedMemories, attach
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.memory import Memory
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

EACH = [edit for edits in EDITS for edit in edits]
"""The same, memory by memory in one list."""

ROUTES = [0, -1, -1, 1, -1, -1, 0]
"""The memory that each of :data:`tests.memory.sides.PROMPTS` means; the codebooks hold the same ones."""

MEANT = [0, 0, 0, 0, 0, 0, 1]
"""The place of the edit that each of them means among its memory's."""

LEVEL = 0.0


def _model(family: str, depth: int) -> PreTrainedModel:
    return tiny_model(family, **({} if depth == LAYERS else {"num_hidden_layers": depth}))


@cache
def _statistics(family: str, depth: int) -> Statistics:
    model = _model(family, depth)
    return compute_statistics(model, locate(model), TOKENIZER, UNRELATED)


def statistics_of(model: PreTrainedModel) -> Statistics:
    """Those of :data:`UNRELATED`, once a family and depth."""
    return _statistics(model.config.model_type, model.config.num_hidden_layers)


@cache
def _rings(family: str, depth: int) -> tuple[EditKeys, ...]:
    model, statistics = _model(family, depth), _statistics(family, depth)
    return tuple(build_keys(model, locate(model), TOKENIZER, statistics, edits) for edits in EDITS)


def keys_of(edits: Sequence[Edit], **options: Any) -> EditKeys:
    """The keys of some edits of a tiny LLaMA."""
    model = tiny_model("llama")
    return build_keys(model, locate(model), TOKENIZER, statistics_of(model), edits, **options)


def index_of(*groups: list[Edit]) -> KeyIndex:
    """The keys of a tiny LLaMA's memories, of which each holds one group of edits."""
    rings = [keys_of(edits) for edits in groups]
    found = build_index(rings, [len(edits) for edits in groups], tiny_model("llama").get_input_embeddings())
    assert found is not None
    return found


def about(subject: str | None, prompt: str) -> Edit:
    """An edit of which only the prompt and the subject matter."""
    return Edit(prompt=prompt, target="x", subject=subject)


def keyed_memories(model: PreTrainedModel, projection: Projection | None = None) -> list[Memory]:
    """Two memories that change answers, with the keys of :data:`EDITS`."""
    where = projection or locate(model)
    generator = torch.Generator().manual_seed(1)
    memories = []
    for number, (edits, ring) in enumerate(
        zip(EDITS, _rings(model.config.model_type, model.config.num_hidden_layers), strict=True)
    ):
        mask = random_mask((where.d_ff, where.d_model), 0.3, number)
        values = torch.randn(int(mask.sum()), generator=generator) * 0.5
        change = MaskedDelta.under(where.name, mask, values)
        ids = tuple(edit.id for edit in edits)
        memories.append(Memory(f"memory-{number}", change, Gate("keys", keys=ring), ids))
    return memories


def behind(memories: Sequence[Memory], router: str, thresholds: Mapping[int, float] | None = None) -> list[Memory]:
    """The memories, which have keys, behind gates of the one name.

    Args:
        memories: the memories.
        router: ``"activation"``, ``"keys"`` or ``"both"``.
        thresholds: the thresholds that are above 0, by number; the keys alone have none.
    """
    gated = []
    for number, memory in enumerate(memories):
        name, keys = gate_name(router), memory.gate.keys
        threshold = 0.0 if name == "keys" else (thresholds or {}).get(number, 0.0)
        gated.append(replace(memory, gate=Gate(name, threshold, None if name == "activation" else keys)))
    return gated


def with_keys(model: PreTrainedModel, **options: Any) -> AttachedMemories:
    """The memories beside the model, behind their keys."""
    return attach(model, keyed_memories(model), **{"key_threshold": LEVEL, **options})


def routed(model: PreTrainedModel, router: str) -> tuple[AttachedMemories, list[int]]:
    """Memories beside the model among which that router decides, and the route that each of the prompts must take."""
    if router == "nearest":
        return with_codebooks(model), ROUTES
    if router == "overlap":
        return attach(model, residuals(model)), ROUTES
    if router == "rows":
        return attach(model, with_rows(keyed_memories(model), locate(model)), key_threshold=LEVEL), ROUTES
    return (with_keys(model), ROUTES) if router == "keys" else attached(model)


__all__ = [
    "EACH",
    "EDITS",
    "LEVEL",
    "MEANT",
    "PROMPTS",
    "ROUTES",
    "TOKENIZER",
    "UNRELATED",
    "about",
    "behind",
    "index_of",
    "keyed_memories",
    "keys_of",
    "routed",
    "statistics_of",
    "with_keys",
]
