"""What the tests of WISE share: a tiny model, unrelated prompts, edits, quick settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.frozen import Frozen
from wisedb.editors.wise.settings import WiseSettings
from wisedb.editors.wise.train import Material
from wisedb.edits import Edit
from wisedb.memory.kinds.masks import random_mask
from wisedb.model.locate import locate

POOL = tuple(f"{word} {thing}" for word in ("Who wrote", "The capital of", "A play of") for thing in "ABCDEF")
CONTEXTS = ("The play was long.", "Paris is old.")
EDITS = (
    Edit("The capital of Australia is", "Canberra", subject="Australia"),
    Edit("Who wrote Hamlet?", "Paris"),
    Edit("The play of France is", "Hamlet"),
)


def material(family: str = "llama", **overrides: Any) -> Material:
    model = tiny_model(family, **overrides)
    return Material.of(Frozen.of(model, tiny_tokenizer(), locate(model)), POOL, CONTEXTS)


def quick(**settings: Any) -> WiseSettings:
    """Few steps, and margins that fit the tiny models."""
    few = WiseSettings(
        steps=6, learning_rate=0.01, max_delta=2.0, alpha=1.0, beta=4.0, gamma=2.0, irrelevant=6, replay=2
    )
    return replace(few, **settings)


def mask_of(material: Material, seed: int = 0) -> Tensor:
    projection = material.frozen.projection
    return random_mask((projection.d_ff, projection.d_model), 0.3, seed)


def matrix(mask: Tensor, values: Tensor) -> Tensor:
    return torch.zeros(mask.shape).masked_scatter_(mask, values.float())
