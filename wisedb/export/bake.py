"""Memories as part of a model's weights, for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wisedb.memory.memory import Memory
from wisedb.model.locate import weight_of

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase


def bake(base: LoadedBase, memories: Sequence[Memory]) -> None:
    """Add what the memories say to the weights of their modules, whatever their gates.

    Raises:
        CannotBake: a memory is of a kind that no weight can say; nothing has changed.
    """
    modules = dict.fromkeys(module for memory in memories for module in memory.modules)
    weights = {module: weight_of(base.projection(module)) for module in modules}
    changed = {module: baked_weight(weight, module, memories) for module, weight in weights.items()}
    with torch.no_grad():
        for module, weight in weights.items():
            weight.copy_(changed[module])


def baked_weight(weight: Tensor, module: str, memories: Sequence[Memory]) -> Tensor:
    """W + ΔW of all memories at one module, in the dtype and on the device of W.

    Args:
        weight: W, (d_in, d_out); it is left as it was.
        module: its path.
        memories: those that change it, and others.

    Raises:
        CannotBake: one of them is of a kind that no weight can say.
    """
    total = weight.detach().float()
    for memory in memories:
        if module in memory.modules:
            # Added in float32 and rounded once: half precision would lose what small changes say.
            total = total + memory.change.delta(module).to(weight.device)
    return total.to(weight.dtype)
