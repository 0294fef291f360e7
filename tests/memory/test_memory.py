"""A memory is a change behind a gate that its kind can have."""

from __future__ import annotations

import pytest
import torch

from tests.memory.keyed import keyed_memories
from tests.models import tiny_model
from wisedb.errors import CorruptObject
from wisedb.memory.gates.base import GATES, Gate
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.kinds.low_rank_rows import LowRankRows
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.memory import Memory

SHAPES = {"a": (3, 2), "b": (2, 3)}
CHANGES: tuple[Change, ...] = (
    MaskedDelta.under("a", torch.ones(3, 2, dtype=torch.bool), torch.ones(6)),
    LowRankDelta.empty(SHAPES),
    Codebook.empty("a", SHAPES["a"]),
)


@pytest.mark.parametrize("change", CHANGES)
def test_codebooks_and_distances_belong_together(change: Change) -> None:
    keyed = keyed_memories(tiny_model("llama"))[0]
    for name in GATES:
        gate = Gate(name, 0.0, keyed.gate.keys if name in ("keys", "both") else None)
        if (name == "nearest") == (change.kind == "codebook") and name != "overlap":
            memory = Memory("m", change, gate, keyed.edits)
            assert memory.always_on == (name == "always")
            assert (memory.modules, memory.size) == (change.modules, change.size)
        else:
            with pytest.raises(CorruptObject, match="can't stand behind"):
                Memory("m", change, gate, keyed.edits)


def test_keys_for_more_edits_than_it_holds_are_refused() -> None:
    keyed = keyed_memories(tiny_model("llama"))[0]
    with pytest.raises(CorruptObject, match="more edits"):
        Memory("m", keyed.change, keyed.gate, keyed.edits[:1])


def test_a_codebook_for_more_edits_than_it_holds_is_refused() -> None:
    book = Codebook("a", torch.zeros(2, 3), torch.zeros(2, 2), torch.zeros(2), torch.tensor([0, 1]))
    assert Memory("m", book, Gate("nearest"), ("x", "y")).change is book
    with pytest.raises(CorruptObject, match="more edits"):
        Memory("m", book, Gate("nearest"), ("x",))


def test_rows_stand_behind_keys_alone_and_are_one_an_edit() -> None:
    keyed = keyed_memories(tiny_model("llama"))[0]
    row = (torch.ones(1, 3), torch.ones(1, 2))
    rows = LowRankRows.empty("a", SHAPES["a"]).plus([row] * len(keyed.edits))
    memory = Memory("m", rows, keyed.gate, keyed.edits)
    assert memory.by_edit and not keyed.by_edit
    for name in set(GATES) - {"keys"}:
        with pytest.raises(CorruptObject, match="can't stand behind"):
            Memory("m", rows, Gate(name, 0.0, keyed.gate.keys if name == "both" else None), keyed.edits)
    with pytest.raises(CorruptObject, match="parts for"):
        Memory("m", rows.plus([row]), keyed.gate, keyed.edits)
