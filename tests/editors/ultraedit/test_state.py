"""The running statistics in the first ranks of ΔW add nothing and are read back as they were."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.ultraedit.moments import Moments
from wisedb.editors.ultraedit.state import RANKS, packed, unpacked
from wisedb.memory.kinds.additive import FactoredDelta


@pytest.mark.parametrize("count", [1, 7, 100_000])
def test_they_are_read_back_and_add_nothing(count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = 3 + torch.randn(50, 6, generator=generator)
    seen = Moments.none(6).with_rows(rows)
    moments = Moments(count, seen.mean, seen.spread * count / 50)
    state = packed(moments, 4)
    assert state.rank == RANKS and not state.dense().any() and state.left.dtype == torch.float32
    found = unpacked(state.beside(FactoredDelta(torch.ones(4, 1), torch.ones(1, 2))))
    assert found.count == count
    assert torch.allclose(found.mean, moments.mean) and torch.allclose(found.spread, moments.spread, rtol=1e-5)
    # Rounded once, they stay what they are.
    again = packed(found, 4)
    assert torch.equal(again.left, state.left) and torch.equal(again.right, state.right)


def test_in_halves_they_add_nothing_either() -> None:
    moments = Moments(1_000_000, torch.full((6,), 3.0), torch.full((6,), 1e8))
    state = packed(moments, 4)
    half = FactoredDelta(state.left.half(), state.right.half())
    assert not half.dense().any() and bool(torch.isfinite(half.dense()).all())


def test_nothing_was_seen_at_the_beginning() -> None:
    assert unpacked(packed(Moments.none(6), 4)).count == 0
