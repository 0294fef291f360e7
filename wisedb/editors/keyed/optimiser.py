"""What the two ways to train share: the optimiser, ΔW's effect, and how an edit went in."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from wisedb.editors.keyed.batches import Prompts
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.errors import TrainingFailed

SLACK = 0.02
"""Hinges that sum up to less than this share of β count as zero: a few unrelated prompts always graze α."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an edit went in.

    Attributes:
        steps: optimiser steps taken, those of the whole lesson.
        loss: the last loss that was looked at; ``None`` if no step was needed.
        learned: whether its answer led by the margin; of an edit that was written by itself, that behind each context
            too, those of the shard's earlier edits and all hinges.
        said: whether at least its answer was and, where it was written by itself, those of the shard's earlier edits.
    """

    steps: int
    loss: float | None
    learned: bool
    said: bool


def change_of(prompts: Prompts, delta: Tensor) -> Tensor:
    """A(x)·ΔW, ``(B, T, d_model)``, in the model's dtype."""
    return prompts.features @ delta.to(prompts.features.dtype)


def optimise(config: KeyedSettings, values: Tensor, steps: int) -> tuple[Optimizer, LambdaLR]:
    """A fresh optimiser, and its schedule over so many steps."""
    optimizer: Optimizer
    if config.optimizer == "sgd":
        optimizer = torch.optim.SGD([values], lr=config.learning_rate)
    else:
        optimizer = torch.optim.Adam([values], lr=config.learning_rate)
    ebb = 1 / steps if config.schedule == "linear" else 0.0
    return optimizer, LambdaLR(optimizer, lambda step: 1 - ebb * step)


def damp(optimizer: Optimizer, parameter: Tensor) -> None:
    """Let Adam move only what the first gradient points at: its ε becomes that gradient's root mean square.

    Adam moves every entry alike, however small its gradient. Where one edit is learned, most of these are noise, and
    all of them are felt by the edits that the memory holds already.
    """
    if isinstance(optimizer, torch.optim.Adam) and parameter.grad is not None:
        size = float(parameter.grad.square().mean().sqrt())
        for group in optimizer.param_groups:
            group["eps"] = max(size, group["eps"]) if isfinite(size) else group["eps"]


def finite(values: Tensor, prompt: str) -> None:
    """Raises TrainingFailed if a value is no longer a number; ``prompt`` says where."""
    if not bool(torch.isfinite(values).all()):
        raise TrainingFailed(
            f"the loss of {prompt!r} is not a number", hint="Lower learning_rate, or load the model in float32."
        )
