"""TIES by hand on a few numbers, and against the definition on many."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.errors import UsageError
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.memory import Memory
from wisedb.memory.merging import merged_memory, ties_merge

MODULE = "w"


def _delta(rows: list[list[float]], module: str = MODULE) -> MaskedDelta:
    delta = torch.tensor(rows)
    return MaskedDelta.under(module, torch.ones_like(delta, dtype=torch.bool), delta.reshape(-1))


def _memory(mask: list[bool], value: float, edits: tuple[str, ...]) -> Memory:
    change = MaskedDelta.under(MODULE, torch.tensor([mask]), torch.tensor([value], dtype=torch.bfloat16))
    return Memory(edits[0], change, Gate("activation", 1.0), edits)


def test_trim_elect_and_mean_by_hand() -> None:
    first = _delta([[4.0, -3.0, 0.1, 2.0]])
    second = _delta([[2.0, 5.0, -0.2, -1.0]])
    # Half of four entries survive in each: (4, -3, 0, 0) and (2, 5, 0, 0). Signs +, + by the totals 6 and 2.
    assert ties_merge([first, second], 0.5).tolist() == [[3.0, 5.0, 0.0, 0.0]]
    assert ties_merge([first, second], 1.0).tolist() == [[3.0, 5.0, pytest.approx(-0.2), 2.0]]


@given(st.integers(0, 2**20), st.integers(1, 4), st.sampled_from([0.3, 0.53, 1.0]))
def test_it_is_the_definition(seed: int, count: int, density: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    memories = []
    for number in range(count):
        mask = random_mask((6, 5), 0.7, seed + number)
        memories.append(MaskedDelta.under(MODULE, mask, torch.randn(int(mask.sum()), generator=generator)))
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
    left = _memory([True, False], 2.0, ("a",))
    right = _memory([False, True], -3.0, ("b", "a"))
    merged = merged_memory([left, right], 0.25)
    assert isinstance(merged.change, MaskedDelta)
    assert merged.change.dense().tolist() == [[2.0, -3.0]]
    assert merged.change.values.dtype == torch.bfloat16
    assert (merged.gate.name, merged.gate.threshold, merged.edits) == ("activation", 0.25, ("a", "b"))


@pytest.mark.parametrize("density", [0.0, -1.0, 1.5, float("nan")])
def test_a_density_out_of_range_is_refused(density: float) -> None:
    with pytest.raises(UsageError):
        ties_merge([_delta([[1.0]])], density)


def test_nothing_and_misfits_are_refused() -> None:
    with pytest.raises(UsageError, match="no memory"):
        ties_merge([])
    for other in (_delta([[1.0, 2.0]]), _delta([[1.0]], "v")):
        with pytest.raises(UsageError, match="different modules"):
            ties_merge([_delta([[1.0]]), other])
    factors = Memory("f", LowRankDelta.empty({MODULE: (1, 2)}), Gate("activation"))
    with pytest.raises(UsageError, match="only masked deltas"):
        merged_memory([_memory([True, False], 2.0, ("a",)), factors], 0.0)
