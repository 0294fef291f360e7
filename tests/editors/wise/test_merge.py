"""WISE-Merge: TIES over the shards by hand, and ε measured on the merge."""

from __future__ import annotations

import pytest
import torch

from tests.editors.wise.fixtures import EDITS, material
from wisedb.editors.wise.merge import merge
from wisedb.editors.wise.unrelated import Prompts
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.memory import Memory


def test_trim_elect_and_mean() -> None:
    made = material()
    projection = made.frozen.projection
    one, two = torch.zeros(projection.d_ff, projection.d_model), torch.zeros(projection.d_ff, projection.d_model)
    # Alone; agreeing; one sign wins; the same the other way round.
    one[0, :4] = torch.tensor([4.0, 2.0, 3.0, -1.0])
    two[0, :4] = torch.tensor([0.0, 4.0, -1.0, -3.0])
    memories = [
        Memory(
            name,
            MaskedDelta.under(projection.name, matrix != 0, matrix[matrix != 0]),
            Gate("activation", 1.0),
            (name,),
        )
        for name, matrix in (("a", one), ("b", two))
    ]
    own = Prompts(made.frozen.prompts([edit.prompt for edit in EDITS]))
    merged = merge(memories, own, 0.5, torch.device("cpu"))
    assert merged.change.delta(projection.name)[0, :4].tolist() == [4.0, 3.0, 3.0, -2.0]
    assert merged.edits == ("a", "b")
    assert merged.gate.threshold == pytest.approx(
        0.5 * float(own.activations(merged.change.delta(projection.name)).min())
    )
