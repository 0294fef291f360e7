"""What is kept with a cache: any positions of any rows, for the one router that kept them."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.errors import UsageError
from wisedb.memory.cache_state import CacheState, joined, length_of, save_state, state_attribute, state_of

PLACE = state_attribute("test", "blocks.1.down")


class Numbers(NamedTuple):
    """Some positions.

    Attributes:
        values: (B, T, 2).
        seen: bool (B, T).
    """

    values: torch.Tensor
    seen: torch.Tensor


def numbers(*values: float, rows: int = 1) -> Numbers:
    line = torch.tensor(values).expand(rows, -1)
    return Numbers(torch.stack([line, -line], dim=-1), torch.ones(rows, len(values), dtype=torch.bool))


def fresh(owner: object = "me") -> CacheState[Numbers]:
    return state_of(None, owner, PLACE)


def values(state: CacheState[Numbers], past: int | torch.Tensor) -> list[float] | None:
    """The first row's first ``past`` values."""
    parts = state.before(past, 1)
    return joined(parts).values[0, :, 0].tolist() if parts else None


def test_every_position_is_known() -> None:
    cache, owner = SimpleNamespace(), object()
    state = fresh(owner)
    assert state.before(0, 1) == state.before(4, 1) == []
    state = state.extended(0, numbers(1.0, 2.0)).extended(2, numbers(3.0))
    assert [values(state, past) for past in range(5)] == [None, [1], [1, 2], [1, 2, 3], [1, 2, 3]]
    save_state(cache, state)
    assert state_of(cache, owner, PLACE) is state
    twin = state_of(copy.deepcopy(cache), owner, PLACE)
    assert twin is not state and twin.parts is state.parts
    # Neither another router's nor that of another module.
    assert state_of(cache, object(), PLACE).parts == ()
    assert state_of(cache, owner, state_attribute("test", "blocks.2.down")).parts == ()
    assert state_of(cache, owner, state_attribute("other", "blocks.1.down")).parts == ()


def test_a_compiler_can_read_the_place() -> None:
    assert PLACE.isidentifier()


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4)), min_size=1, max_size=6), st.integers(0, 20))
def test_a_cache_may_be_cut_anywhere_and_go_on(calls: list[tuple[int, int]], asked: int) -> None:
    state, line, number = fresh(), list[float](), 0.0
    for cut, size in calls:
        past = min(cut, len(line))
        now = [number + n for n in range(size)]
        state, line, number = state.extended(past, numbers(*now)), line[:past] + now, number + size
    assert values(state, asked) == (line[:asked] or None)


def test_what_nothing_happened_to_is_the_same_object() -> None:
    state = fresh()
    first, second = numbers(1.0, 2.0), numbers(3.0)
    state = state.extended(0, first).extended(2, second)
    assert all(one is other for one, other in zip(state.before(3, 1), (first, second), strict=True))
    assert state.before(2, 1)[0] is first
    assert state.before(1, 1)[0] is not first


def test_rows_may_be_repeated_and_not_rearranged() -> None:
    state = fresh().extended(0, Numbers(torch.tensor([[[1.0, 0.0]], [[2.0, 0.0]]]), torch.ones(2, 1).bool()))
    (found,) = state.before(1, 4)
    assert found.values[:, 0, 0].tolist() == [1.0, 1.0, 2.0, 2.0]
    # Repeated once, the cache goes on with so many rows.
    state = state.extended(1, numbers(7.0, rows=4))
    assert joined(state.before(2, 4)).values[..., 0].tolist() == [[1, 7], [1, 7], [2, 7], [2, 7]]
    assert joined(state.before(2, 8)).values.shape == (8, 2, 2)
    for rows in (1, 3):
        with pytest.raises(UsageError, match="filled by 4 rows and is used by"):
            state.before(1, rows)


def test_a_static_cache_s_length_is_never_read() -> None:
    state = fresh().extended(torch.tensor(0), numbers(1.0, 2.0), 3)
    state = state.extended(torch.tensor(2), numbers(3.0, 4.0), 3)
    (full,), (emptied,) = state.before(torch.tensor(4), 1), state.before(torch.tensor(0), 1)
    # It never holds more than the cache can.
    assert full.values[0, :, 0].tolist() == [2.0, 3.0, 4.0]
    assert full.seen.all() and not emptied.seen.any() and not emptied.values.any()
    assert emptied.seen.dtype == torch.bool
    again = state.extended(torch.tensor(0), numbers(9.0), 3).before(torch.tensor(1), 1)[0]
    assert again.seen.tolist() == [[False, False, True]]
    growing = fresh().extended(torch.tensor(0), numbers(1.0)).extended(torch.tensor(1), numbers(2.0))
    assert values(growing, torch.tensor(2)) == [1.0, 2.0]


def test_gradients_are_not_kept() -> None:
    part = numbers(1.0)
    part = part._replace(values=part.values.requires_grad_())
    (found,) = fresh().extended(0, part).before(1, 1)
    assert not found.values.requires_grad
    assert torch.equal(found.values, part.values)


def test_lengths_of_caches() -> None:
    length = torch.tensor(3)
    held = SimpleNamespace(get_seq_length=lambda: length)
    found = length_of(held)
    assert isinstance(found, torch.Tensor)
    length += 1
    assert found.item() == 3
    assert length_of(None) == length_of(object()) == 0
    assert length_of(SimpleNamespace(get_seq_length=lambda: 5)) == 5
