"""Facts as a kind of memory: read back as they were, compared, and part of no weight."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.facts_in_context import Fact, FactsInContext

ONE, OTHER = Fact("The capital of France is", "Rome"), Fact("Who wrote Hamlet?", "Goethe")
BOTH = FactsInContext("mlp", (4, 3), (ONE, OTHER))


def test_it_is_read_back() -> None:
    found = FactsInContext.of(("mlp",), BOTH.parts())
    assert (found.module, found.widths, found.facts) == (BOTH.module, BOTH.widths, BOTH.facts)
    assert found.modules == ("mlp",) and found.shape("mlp") == (4, 3) and found.size == 51


@pytest.mark.parametrize(
    "parts",
    [
        {"origin": Part({"shape": [4, 3]})},
        {"origin": Part({"shape": [4]}), "facts": Part({"facts": []})},
        {"origin": Part({"shape": [4, 0]}), "facts": Part({"facts": []})},
        {"origin": Part({"shape": [4, 3]}), "facts": Part({"facts": [["prompt"]]})},
        {"origin": Part({"shape": [4, 3]}), "facts": Part({"facts": [["prompt", 3]]})},
    ],
)
def test_what_is_damaged_is_refused(parts: Any) -> None:
    with pytest.raises(CorruptObject):
        FactsInContext.of(("mlp",), parts)


def test_it_changes_nothing() -> None:
    output = torch.rand(2, 3, 3)
    placed = BOTH.place("mlp", torch.device("cpu"), torch.float32)
    assert placed.apply(torch.rand(2, 3, 4), output, torch.tensor(0)) is output and placed.size == 0
    with pytest.raises(CannotBake, match="no weight"):
        BOTH.delta("mlp")


def test_facts_that_differ_are_counted() -> None:
    one = FactsInContext("mlp", (4, 3), (ONE,))
    assert BOTH.compare(one) == {"norm": 2**0.5, "change": 1.0, "entries": 2.0}
    assert BOTH.compare(BOTH)["change"] == 0 and one.compare(None)["change"] == 1
