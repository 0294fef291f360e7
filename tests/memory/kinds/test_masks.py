"""Masks: drawn from a seed, packed to bits and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.kinds.masks import PackedMask, pack, random_mask, unpack

SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(SHAPES, st.floats(0.01, 1.0), st.integers(0, 2**128))
def test_packing_loses_nothing(shape: tuple[int, int], ratio: float, seed: int) -> None:
    mask = random_mask(shape, ratio, seed)
    packed = pack(mask)
    assert packed.dtype == torch.uint8
    assert packed.numel() == (shape[0] * shape[1] + 7) // 8
    assert torch.equal(unpack(packed, shape), mask)
    assert mask.any()


def test_the_seed_alone_decides() -> None:
    assert torch.equal(random_mask((30, 20), 0.2, 7), random_mask((30, 20), 0.2, 7))
    assert not torch.equal(random_mask((30, 20), 0.2, 7), random_mask((30, 20), 0.2, 8))


def test_the_draw_is_the_same_on_every_machine() -> None:
    assert pack(random_mask((4, 8), 0.5, 0)).tolist() == [31, 128, 9, 145]


@pytest.mark.parametrize("ratio", [0.05, 0.2, 0.5])
def test_the_ratio_is_met(ratio: float) -> None:
    share = random_mask((400, 300), ratio, 1).float().mean().item()
    assert abs(share - ratio) < 0.01


def test_a_ratio_of_one_masks_everything() -> None:
    assert random_mask((9, 7), 1.0, 3).all()


@pytest.mark.parametrize(("ratio", "seed"), [(0.0, 0), (1.1, 0), (-0.2, 0), (float("nan"), 0), (0.2, -1)])
def test_what_is_out_of_range_is_refused(ratio: float, seed: int) -> None:
    with pytest.raises(UsageError):
        random_mask((3, 3), ratio, seed)


def test_corrupt_bits_are_refused() -> None:
    packed = pack(random_mask((3, 3), 0.5, 0))
    with pytest.raises(CorruptObject, match="bytes"):
        unpack(packed[:1], (3, 3))
    packed[-1] |= 1
    with pytest.raises(CorruptObject, match="after its last entry"):
        unpack(packed, (3, 3))


def test_bits_are_counted_as_they_are_set() -> None:
    mask = random_mask((37, 11), 0.3, 5)
    assert PackedMask.of(mask).entries == int(np.count_nonzero(mask.numpy()))
