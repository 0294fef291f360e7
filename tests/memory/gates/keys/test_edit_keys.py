"""Keys of edits: tensors that belong together, and statistics that are one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.memory.keyed import EACH, TOKENIZER, UNRELATED, keyed_memories, keys_of
from tests.memory.sides import random_memories
from tests.models import tiny_model
from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.gates.base import Gate
from wisedb.memory.gates.keys.edit_keys import EditKeys, same_statistics
from wisedb.memory.gates.keys.statistics import compute_statistics
from wisedb.model.locate import locate


def test_to_tensors_and_back() -> None:
    ring = keys_of(EACH)
    again = EditKeys.from_tensors(ring.tensors(), ring.statistics)
    assert all(torch.equal(again.tensors()[name], tensor) for name, tensor in ring.tensors().items())
    assert ring.size == sum(tensor.nbytes for tensor in ring.tensors().values())
    none = EditKeys.empty(ring.statistics)
    assert len(none) == 0 and len(keys_of([])) == 0
    assert len(EditKeys.from_tensors(none.tensors(), ring.statistics)) == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"owners": torch.tensor([0, 1], dtype=torch.int32)},
        {"owners": torch.tensor([-1, 0, 1], dtype=torch.int32)},
        {"relations": torch.zeros(3, 2, dtype=torch.float16)},
        {"relations": torch.zeros(3, 32)},
        {"knowledge": torch.tensor([0.1, torch.nan, 0.0])},
        {"tokens": torch.zeros(3, dtype=torch.int32)},
        {"readings": torch.zeros(2, 3, dtype=torch.int32)},
        {"readings": torch.tensor([[0, 1, 0, 2]], dtype=torch.int32)},
    ],
)
def test_tensors_that_do_not_belong_together_are_refused(broken: dict[str, torch.Tensor]) -> None:
    ring = keys_of(EACH)
    with pytest.raises(CorruptObject, match="belong together"):
        EditKeys.from_tensors({**ring.tensors(), **broken}, ring.statistics)
    with pytest.raises(CorruptObject, match="no keys"):
        EditKeys.from_tensors(broken, ring.statistics)


def test_rings_of_different_statistics_are_kept_apart() -> None:
    model = tiny_model("llama")
    ring = keys_of(EACH)
    equal = compute_statistics(model, locate(model), TOKENIZER, UNRELATED)
    assert same_statistics([ring, EditKeys.from_tensors(ring.tensors(), equal)]) is ring.statistics
    other = compute_statistics(model, locate(model), TOKENIZER, UNRELATED, seed=3)
    with pytest.raises(UsageError, match="different statistics"):
        EditKeys.joined([(ring, [0, 1, 2]), (EditKeys.from_tensors(ring.tensors(), other), [3, 4, 5])])
    for nothing in ((),):
        with pytest.raises(UsageError):
            EditKeys.joined(nothing)
    with pytest.raises(UsageError, match="no keys"):
        same_statistics([])


def test_a_memory_has_no_keys_for_edits_of_others() -> None:
    model = tiny_model("llama")
    memory = random_memories(locate(model), 1)[0]
    with pytest.raises(CorruptObject, match="more edits"):
        replace(memory, gate=Gate("keys", keys=keys_of(EACH)))
    assert keyed_memories(model)[0].gate.keys is not None
