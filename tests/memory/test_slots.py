"""Slots: one number for each thing that can answer."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.memory import Memory
from wisedb.memory.slots import BASE, SlotTable


def memories(sizes: list[int | None]) -> list[Memory]:
    """Codebooks of so many keys; None is a change that is one piece."""
    found = []
    for number, size in enumerate(sizes):
        if size is None:
            found.append(Memory(str(number), LowRankDelta.empty({"w": (2, 2)}), Gate("activation")))
        else:
            owners = torch.arange(size)
            book = Codebook("w", torch.zeros(size, 2), torch.zeros(size, 2), torch.zeros(size), owners)
            edits = tuple(f"edit-{row}" for row in range(size))
            found.append(Memory(str(number), book, Gate("nearest"), edits))
    return found


@given(st.lists(st.none() | st.integers(0, 4), max_size=6))
def test_slots_and_memories_are_counted_alike(sizes: list[int | None]) -> None:
    slots = SlotTable.of(memories(sizes))
    expected = [n for n, size in enumerate(sizes) for _ in range(1 if size is None else max(1, size))]
    assert slots.plain == (expected == list(range(len(sizes))))
    assert [slots.memory(slot) for slot in range(len(expected))] == expected
    assert slots.memory(BASE) == BASE
    every = torch.arange(BASE, len(expected))
    assert slots.memories(every).tolist() == [BASE, *expected]
    numbers = torch.arange(BASE, len(sizes))
    firsts = [BASE, *(expected.index(number) for number in range(len(sizes)))]
    assert slots.slots(numbers).tolist() == firsts
    assert [BASE, *slots.first] == firsts
    grid = every[None].expand(2, -1)
    assert torch.equal(slots.memories(grid), slots.memories(every)[None].expand(2, -1))
