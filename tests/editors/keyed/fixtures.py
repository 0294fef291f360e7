"""What the tests of the WISE editor share: tiny models made ready, edits, masks."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.pool import Pool
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.edits import Edit
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.kinds.masks import random_mask
from wisedb.model.locate import locate

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


def prepared(family: str, **overrides: Any) -> PreparedModel:
    model = tiny_model(family, **overrides)
    return PreparedModel.prepare(model, tiny_tokenizer(), locate(model), POOL)


def quick(**settings: Any) -> KeyedSettings:
    """Few steps, and margins that fit the tiny models."""
    return KeyedSettings.from_settings(
        {
            "router": "activation",
            "steps": 8,
            "check_every": 4,
            "learning_rate": 0.1,
            "max_delta": 2.0,
            "alpha": 1.0,
            "beta": 4.0,
            "gamma": 2.0,
            "contexts_per_step": 1,
            "irrelevant": 4,
            "rehearsal": 2,
            "replay": 2,
            **settings,
        }
    )


@cache
def statistics_of(family: str = "llama") -> Statistics:
    """What the keys of a family's tiny model are measured in."""
    model = tiny_model(family)
    return compute_statistics(model, locate(model), tiny_tokenizer(), TEXTS)


def mask_of(base: PreparedModel, seed: int = 0) -> torch.Tensor:
    return random_mask((base.projection.d_ff, base.projection.d_model), 0.3, seed)
