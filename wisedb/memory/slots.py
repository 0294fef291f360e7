"""How decisions are counted: a slot is what can answer, a memory that is one piece, a codebook's key, an edit's row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from wisedb.memory.memory import Memory

BASE = -1
"""In the place of a slot or of a memory's number: the unedited model answers."""


@dataclass(frozen=True, slots=True)
class SlotTable:
    """The slots of some gated memories, numbered in the memories' order.

    A codebook without keys has one too, so that no two memories share a slot.

    Attributes:
        first: the first slot of each memory.
        sizes: how many slots each has.
        rows: of each memory that has a row for each of its edits, its number and its first edit, counted over all
            memories' edits.
    """

    first: tuple[int, ...]
    sizes: tuple[int, ...]
    rows: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, memories: Sequence[Memory]) -> SlotTable:
        """Those of gated memories."""
        sizes = tuple(max(1, memory.change.entries) for memory in memories)
        begins = list(accumulate((len(memory.edits) for memory in memories), initial=0))
        rows = tuple((number, begins[number]) for number, memory in enumerate(memories) if memory.by_edit)
        return cls(tuple(accumulate(sizes, initial=0))[:-1], sizes, rows)

    @property
    def plain(self) -> bool:
        """Whether a slot's number is its memory's."""
        return all(size == 1 for size in self.sizes)

    def memory(self, slot: int) -> int:
        """The number of a slot's memory, :data:`BASE` for the base."""
        # Written out, because a compiler can't look into bisect.
        return slot if slot == BASE or self.plain else sum(first <= slot for first in self.first) - 1

    def memories(self, slots: Tensor) -> Tensor:
        """Slots, int64, → the numbers of their memories."""
        if self.plain:
            return slots
        ends = torch.tensor(self.first, device=slots.device)
        return torch.where(slots == BASE, BASE, torch.bucketize(slots.contiguous(), ends, right=True) - 1)

    def slots(self, memories: Tensor) -> Tensor:
        """Numbers of memories, int64, → the first slot of each."""
        if self.plain:
            return memories
        firsts = torch.tensor(self.first, device=memories.device)
        return torch.where(memories == BASE, BASE, firsts[memories.clamp(min=0)])

    def meant(self, memories: Tensor, edits: Tensor) -> Tensor:
        """The slots of memories that answer for an edit: its own row where the memory has one.

        Args:
            memories: their numbers, int64.
            edits: the edit that is meant, counted over all memories' edits, int64 of the same shape.
        """
        slots = self.slots(memories)
        for number, begins in self.rows:
            row = (edits - begins).clamp(0, self.sizes[number] - 1)
            slots = torch.where(memories == number, self.first[number] + row, slots)
        return slots

    def slot_of(self, memory: int, edit: int) -> int:
        """The same for one memory and one edit, on the host."""
        begins = dict(self.rows).get(memory)
        return self.first[memory] if begins is None else self.first[memory] + edit - begins
