"""What the tests of the editor of keyed side memories share: tiny models made ready, edits, masks."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from transformers import PreTrainedModel

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.dtypes import default_dtype
from wisedb.editors.common.pool import Pool
from wisedb.editors.common.sequences import CachedSequence
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.dataset import EncodedDataset
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.edits import Edit
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.kinds.masks import random_mask
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate
from wisedb.model.tokens import joined

POOL = Pool(
    tuple(f"{word} {thing}" for word in ("Who wrote", "The capital of", "A play of") for thing in "ABCDEF"),
    ("The play was long.", "Paris is old."),
    {"by": "test"},
)

TEXTS = (
    "Once upon a time a girl called Mary lived near the sea.",
    "My brother Tom likes to play with the dog in the garden.",
    "On Monday we went to see Aunt Jane, who was not at home.",
    "It was the best of days, said Peter.",
    "The old clock on the wall had stopped long ago.",
    "A letter for Mister Brown was in the box.",
)
"""Unrelated texts."""

EDITS = (
    Edit("The capital of Australia is", "Canberra"),
    Edit("Who wrote Hamlet?", "Paris"),
    Edit("The play of France is", "Hamlet"),
    Edit("Capital of the play", "Australia"),
)


def context_of(model: PreTrainedModel) -> TrainingContext:
    """A tiny model made ready."""
    where = locate(model.eval())
    return TrainingContext(
        model, tiny_tokenizer(), where, POOL, find_cached_forward(model, where), default_dtype(where)
    )


def prepared(family: str, **overrides: Any) -> TrainingContext:
    """A family's tiny model made ready."""
    return context_of(tiny_model(family, **overrides))


def quick(**settings: Any) -> KeyedSettings:
    """Few steps, long enough for the tiny models."""
    return KeyedSettings.from_settings({"steps": 8, "learning_rate": 0.1, "max_delta": 2.0, "rehearsal": 2, **settings})


@cache
def statistics_of(family: str = "llama") -> Statistics:
    """What the keys of a family's tiny model are measured in."""
    model = tiny_model(family)
    return compute_statistics(model, locate(model), tiny_tokenizer(), TEXTS)


def trained_on(context: TrainingContext, edit: Edit) -> list[CachedSequence]:
    """An edit under its own prompt, and behind each context."""
    prompts = (edit.prompt, *(joined(prefix, edit.prompt) for prefix in POOL.contexts))
    data = EncodedDataset(context, [(prompts, edit.target)], end=True)
    return data.sequences([(0, prompt) for prompt in range(data.prompts(0))])


def mask_of(base: TrainingContext, seed: int = 0) -> torch.Tensor:
    return random_mask((base.projection.d_ff, base.projection.d_model), 0.3, seed)
