"""TIES by hand on a few numbers, and against the definition on many."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.errors import UsageError
from wisedb.memory.kinds.masked_delta import SideMemory
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.merging import merged_memory, ties_merge


def _memory(rows: list[list[float]], name: str = "m") -> SideMemory:
    delta = torch.tensor(rows)
    return SideMemory(name, torch.ones_like(delta, dtype=torch.bool), delta.reshape(-1), 1.0, (name,))


def test_trim_elect_and_mean_by_hand() -> None:
    first = _memory([[4.0, -3.0, 0.1, 2.0]])
    second = _memory([[2.0, 5.0, -0.2, -1.0]])
    # Half of four entries survive in each: (4, -3, 0, 0) and (2, 5, 0, 0). Signs +, + by the totals 6 and 2.
    assert ties_merge([first, second], 0.5).tolist() == [[3.0, 5.0, 0.0, 0.0]]
    assert ties_merge([first, second], 1.0).tolist() == [[3.0, 5.0, pytest.approx(-0.2), 2.0]]


@given(st.integers(0, 2**20), st.integers(1, 4), st.sampled_from([0.3, 0.53, 1.0]))
def test_it_is_the_definition(seed: int, count: int, density: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    memories = []
    for number in range(count):
        mask = random_mask((6, 5), 0.7, seed + number)
        memories.append(SideMemory(str(number), mask, torch.randn(int(mask.sum()), generator=generator), 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = ties_merge(memories, density)
    trimmed = []
    for memory in memories:
        delta = memory.dense()
        kept = torch.zeros_like(delta).reshape(-1)
        top = delta.abs().reshape(-1).topk(int(density * delta.numel())).indices
        kept[top] = delta.reshape(-1)[top]
        trimmed.append(kept)
    stacked = torch.stack(trimmed)
    sign = torch.where(stacked.sum(dim=0) >= 0, 1.0, -1.0)
    agree = stacked.sign() == sign
    expected = (stacked * agree).sum(dim=0) / agree.sum(dim=0).clamp(min=1)
    torch.testing.assert_close(got.reshape(-1), expected)


def test_disjoint_memories_merge_to_their_sum() -> None:
    left = SideMemory("l", torch.tensor([[True, False]]), torch.tensor([2.0], dtype=torch.bfloat16), 1.0, ("a",))
    right = SideMemory("r", torch.tensor([[False, True]]), torch.tensor([-3.0], dtype=torch.bfloat16), 1.0, ("b", "a"))
    merged = merged_memory([left, right], 0.25)
    assert merged.dense().tolist() == [[2.0, -3.0]]
    assert merged.values.dtype == torch.bfloat16
    assert (merged.threshold, merged.edits) == (0.25, ("a", "b"))


@pytest.mark.parametrize("density", [0.0, -1.0, 1.5, float("nan")])
def test_a_density_out_of_range_is_refused(density: float) -> None:
    with pytest.raises(UsageError):
        ties_merge([_memory([[1.0]])], density)


def test_nothing_and_misfits_are_refused() -> None:
    with pytest.raises(UsageError, match="no memory"):
        ties_merge([])
    with pytest.raises(UsageError, match="different shapes"):
        ties_merge([_memory([[1.0]]), _memory([[1.0, 2.0]])])
