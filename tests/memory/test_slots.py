"""Slots: one number for each thing that can answer."""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.memory.keyed import EDITS, keyed_memories
from tests.models import tiny_model
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.kinds.low_rank_rows import LowRankRows
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


def test_of_a_memory_with_a_row_an_edit_the_row_of_the_edit_that_is_meant_answers() -> None:
    keyed = keyed_memories(tiny_model("llama"))
    row = (torch.ones(1, 3), torch.ones(1, 2))
    rows = [
        replace(memory, change=LowRankRows.empty("w", (3, 2)).plus([row] * len(edits)))
        for memory, edits in zip(keyed, EDITS, strict=True)
    ]
    # A plain memory stands first; it holds no edits.
    table = SlotTable.of([*memories([None]), *rows])
    assert (table.sizes, table.rows) == ((1, 2, 1), ((1, 0), (2, 2)))
    numbers, edits = torch.tensor([[BASE, 1, 1, 2, 0]]), torch.tensor([[0, 0, 1, 2, 1]])
    assert table.meant(numbers, edits).tolist() == [[BASE, 1, 2, 3, 0]]
    told = zip(numbers[0].tolist(), edits[0].tolist(), strict=True)
    assert [table.slot_of(number, edit) for number, edit in told if number != BASE] == [1, 2, 3, 0]
    assert table.memories(torch.tensor([0, 1, 2, 3])).tolist() == [0, 1, 1, 2]
