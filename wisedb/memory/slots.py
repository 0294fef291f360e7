"""How routes are counted: one number for each thing that can answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from wisedb.memory.memory import Memory

BASE = -1
"""The route to the unedited model."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of some memories, in their order: one for a change that is one piece, one for each key of a codebook.

    A codebook without keys has one too, so that no two memories share a number.

    Attributes:
        first: the first slot of each memory.
        sizes: how many slots each has.
    """

    first: tuple[int, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, memories: Sequence[Memory]) -> Slots:
        """Those of gated memories."""
        sizes = tuple(max(1, memory.change.entries) for memory in memories)
        return cls(tuple(accumulate(sizes, initial=0))[:-1], sizes)

    @property
    def plain(self) -> bool:
        """Whether a slot's number is its memory's."""
        return all(size == 1 for size in self.sizes)

    def memory(self, slot: int) -> int:
        """The number of a slot's memory, :data:`BASE` for the base."""
        # Written out, because a compiler can't look into bisect.
        return slot if slot == BASE or self.plain else sum(first <= slot for first in self.first) - 1

    def numbers(self, slots: Tensor) -> Tensor:
        """Slots, int64, → the numbers of their memories."""
        if self.plain:
            return slots
        ends = torch.tensor(self.first, device=slots.device)
        return torch.where(slots == BASE, BASE, torch.bucketize(slots.contiguous(), ends, right=True) - 1)

    def slots(self, numbers: Tensor) -> Tensor:
        """Numbers of memories, int64, → the first slot of each."""
        if self.plain:
            return numbers
        firsts = torch.tensor(self.first, device=numbers.device)
        return torch.where(numbers == BASE, BASE, firsts[numbers.clamp(min=0)])
