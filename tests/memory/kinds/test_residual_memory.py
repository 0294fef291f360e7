"""A residual memory is one ΔW, of which each edit reads the rows of its own mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.residual_memory import ResidualMemory, tophash

MODULE = "blocks.1.down"
SHAPE = (10, 3)
ACTIVE = 4
PERMUTATION = torch.tensor([3, 1, 4, 0, 5, 9, 2, 6, 8, 7], dtype=torch.int32)


def made(count: int = 3, seed: int = 0) -> ResidualMemory:
    generator = torch.Generator().manual_seed(seed)
    centre = torch.randn(SHAPE[0], generator=generator)
    features = torch.randn(count, SHAPE[0], generator=generator)
    masks = tophash(features, centre, PERMUTATION.long(), ACTIVE)
    packed = torch.from_numpy(np.packbits(masks.numpy(), axis=1))
    return ResidualMemory(MODULE, PERMUTATION, ACTIVE, centre, torch.randn(SHAPE, generator=generator), packed)


def test_a_prompt_s_mask_are_its_largest_features_where_they_are_hashed_to() -> None:
    features, centre = torch.randn(2, 5, SHAPE[0]), torch.randn(SHAPE[0])
    found = tophash(features, centre, PERMUTATION.long(), ACTIVE)
    for row in range(2):
        for column in range(5):
            sizes = [abs(float(features[row, column, n] - centre[n])) for n in range(SHAPE[0])]
            largest = sorted(range(SHAPE[0]), key=lambda n: -sizes[n])[:ACTIVE]
            assert set(found[row, column].nonzero()[:, 0].tolist()) == {int(PERMUTATION[n]) for n in largest}


def test_each_edit_reads_through_its_own_mask() -> None:
    memory = made()
    placed = memory.place(MODULE, torch.device("cpu"), torch.float64)
    inputs = torch.randn(2, 5, SHAPE[0], dtype=torch.float64)
    output = torch.randn(2, 5, SHAPE[1], dtype=torch.float64)
    entry = torch.tensor([[0, 1, 2, 0, 1], [2, 2, 1, 0, 2]])
    for chosen in (entry, entry[:, :1]):
        expected = output.clone()
        for row in range(2):
            for column in range(5):
                mask = memory.masks[chosen[row, column if chosen.shape[1] > 1 else 0]]
                expected[row, column] += (inputs[row, column] * mask) @ memory.matrix.double()
        assert torch.allclose(placed.apply(inputs, output, chosen), expected)


def test_overlaps_are_shares_of_a_mask() -> None:
    memory = made()
    placed = memory.place(MODULE, torch.device("cpu"), torch.float32)
    features = torch.randn(2, SHAPE[0])
    own = tophash(features, memory.centre, PERMUTATION.long(), ACTIVE)
    expected = [[float((mask & other).sum()) / ACTIVE for other in memory.masks] for mask in own]
    assert torch.allclose(placed.overlaps(features), torch.tensor(expected))
    assert placed.size == 4 * 30 + 3 * 10 + 8 * 10 + 4 * 10


@pytest.mark.parametrize("count", [0, 1, 3])
def test_it_is_read_back_from_its_parts(count: int) -> None:
    memory = made(count)
    parts = memory.parts()
    assert set(parts) == {ResidualMemory.origin, ResidualMemory.main} == {"origin", "memory"}
    again = ResidualMemory.of((MODULE,), parts)
    for name in ("permutation", "centre", "matrix", "packed"):
        assert torch.equal(getattr(again, name), getattr(memory, name))
    assert (again.modules, again.entries, again.active, again.shape(MODULE)) == ((MODULE,), count, ACTIVE, SHAPE)
    assert memory.size == 4 * 10 + 4 * 10 + 4 * 30 + 2 * count


def test_another_beginning_brings_its_permutation() -> None:
    other = torch.arange(SHAPE[0], dtype=torch.int32)
    empty = ResidualMemory.empty(MODULE, SHAPE, ACTIVE, PERMUTATION, torch.float16)
    begun = empty.begun(replace(empty, permutation=other).parts()["origin"])
    assert torch.equal(begun.permutation, other) and not begun.matrix.any() and begun.entries == 0


def test_no_weight_says_it_and_versions_are_compared() -> None:
    memory = made()
    with pytest.raises(CannotBake, match="no weight"):
        memory.delta(MODULE)
    other = replace(memory, matrix=memory.matrix + 1)
    assert memory.compare(other)["change"] == pytest.approx(30**0.5, rel=1e-5)
    assert memory.compare(None)["change"] == pytest.approx(float(memory.matrix.norm()), rel=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"permutation": torch.zeros(10, dtype=torch.int32)},
        {"permutation": torch.arange(10)},
        {"active": 0},
        {"active": 11},
        {"active": 3},
        {"centre": torch.zeros(9)},
        {"matrix": torch.full(SHAPE, torch.inf)},
        {"packed": torch.zeros(3, 1, dtype=torch.uint8)},
    ],
)
def test_arrays_that_don_t_belong_together_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(CorruptObject):
        replace(made(), **wrong)


def test_parts_that_are_none_are_refused() -> None:
    parts = made(1).parts()
    for modules, some in (((MODULE, "other"), parts), ((MODULE,), {**parts, "origin": Part()})):
        with pytest.raises(CorruptObject, match="one module"):
            ResidualMemory.of(modules, some)
