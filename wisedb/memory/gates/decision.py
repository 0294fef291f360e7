"""What a router decides, and from what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wisedb.memory.routing import Scope

Scoping = Callable[[Tensor | None], Scope]
"""Which tokens the decision may see, given of which rows (bool (B,)) earlier calls saw a prompt."""


def seen_earlier(seen: Sequence[Tensor]) -> Tensor | None:
    """Of which rows, bool (B,), earlier calls saw something: bool (B, T) each; None where there was no call."""
    return torch.cat(list(seen), dim=1).any(dim=1) if seen else None


class Decision(NamedTuple):
    """What was decided, at every position.

    Attributes:
        slots: int64 (B, T): the slots that answer, or :data:`wisedb.memory.slots.BASE`.
        scores: float32 (B, T, n): what the router says of each of its memories.
        best: int64 (B, T): the edit that is meant most, counted over all memories' edits; None without keys.
        added: (B, T, d_out): A(x)·ΔW of the memory that answers, where that came about on the way.
    """

    slots: Tensor
    scores: Tensor
    best: Tensor | None = None
    added: Tensor | None = None
