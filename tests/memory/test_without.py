"""A memory without one of its edits: its keys or its row are gone, the others' are as they were."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.stores import AUSTRALIA, HAMLET
from wisedb.memory.gates.base import Gate
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.memory import Memory
from wisedb.memory.without import without_edit
from wisedb.repository import Repository
from wisedb.serving.memory_codec import read_memories


def keys_of(ring: EditKeys, owner: int) -> list[list[object]]:
    """All that an owner's keys are, in plain values."""
    found: list[list[object]] = []
    ends = ring.readings[:, 1].cumsum(0).tolist()
    for key in torch.nonzero(ring.owners == owner)[:, 0].tolist():
        rows = [row for row in range(len(ring.readings)) if int(ring.readings[row, 0]) == key]
        spelt = [
            (ring.tokens[ends[row] - int(ring.readings[row, 1]) : ends[row]].tolist(), ring.readings[row, 1:].tolist())
            for row in rows
        ]
        found.append([ring.relations[key].tolist(), float(ring.knowledge[key]), int(ring.typed[key]), spelt])
    return found


def test_the_keys_of_the_others_are_as_they_were(history: Repository) -> None:
    store = history.store
    memories = read_memories(store.objects, store.objects.commit(store.resolve("HEAD")).memories)
    memory = next(each for each in memories if AUSTRALIA.id in each.edits and HAMLET.id in each.edits)
    found = without_edit(memory, AUSTRALIA.id)
    assert found is not None and found.edits == memory.edits
    before, after = memory.gate.keys, found.gate.keys
    assert before is not None and after is not None
    gone = memory.edits.index(AUSTRALIA.id)
    assert keys_of(before, gone) and not keys_of(after, gone)
    for owner in range(len(memory.edits)):
        if owner != gone:
            assert keys_of(after, owner) == keys_of(before, owner)


def test_a_row_of_a_codebook_goes_and_what_it_answered_for_answers_itself() -> None:
    rows = torch.arange(8.0).reshape(4, 2)
    book = Codebook("m", rows, rows + 10, torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0, 0, 2, 2]))
    memory = Memory("1" * 64, book, Gate("nearest"), ("a", "b", "c", "d"))
    found = without_edit(memory, "a")
    assert found is not None and found.edits == ("b", "c", "d") and isinstance(found.change, Codebook)
    assert found.change.owners.tolist() == [0, 1, 1] and found.change.radii.tolist() == [2.0, 3.0, 4.0]
    assert found.change.keys.equal(rows[1:]) and found.change.values.equal(rows[1:] + 10)
    last = without_edit(memory, "d")
    assert last is not None and isinstance(last.change, Codebook) and last.change.owners.tolist() == [0, 0, 2]


def test_in_an_always_on_change_nothing_tells_edits_apart() -> None:
    change = LowRankDelta.empty({"m": (4, 4)})
    memory = Memory("1" * 64, change, Gate("always"), ("a", "b"))
    assert without_edit(memory, "a") is None
    assert without_edit(replace(memory, edits=("a",)), "a") is None
