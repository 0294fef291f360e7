"""A low-rank delta is two factors for each of its modules; what doesn't belong together is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.errors import CorruptObject
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.low_rank_delta import LowRankDelta, letters

MODULES = ("blocks.1.down", "blocks.0.up")
SHAPES = {"blocks.1.down": (6, 4), "blocks.0.up": (4, 6)}


def made(rank: int = 2, seed: int = 0, dtype: torch.dtype = torch.float32) -> LowRankDelta:
    generator = torch.Generator().manual_seed(seed)
    delta = LowRankDelta.empty(SHAPES, dtype)
    for module, (rows, columns) in SHAPES.items():
        left, right = torch.randn(rows, rank, generator=generator), torch.randn(rank, columns, generator=generator)
        delta = delta.plus(module, left, right)
    return delta


def test_nothing_is_a_delta_of_rank_zero() -> None:
    empty = LowRankDelta.empty(SHAPES, torch.bfloat16)
    assert (empty.modules, empty.entries, empty.size) == (MODULES, 1, 0)
    for module, shape in SHAPES.items():
        assert empty.shape(module) == shape
        assert not empty.delta(module).any() and empty.delta(module).shape == shape
        placed = empty.place(module, torch.device("cpu"), torch.float32)
        assert torch.equal(placed.product(torch.randn(2, 3, shape[0])), torch.zeros(2, 3, shape[1]))
    assert LowRankDelta.of(MODULES, empty.parts()).left[MODULES[0]].dtype == torch.bfloat16


def test_factors_add_up() -> None:
    one, two = made(1, 0), made(3, 1)
    both = one
    for module in MODULES:
        both = both.plus(module, two.left[module], two.right[module])
    for module in MODULES:
        assert both.left[module].shape[1] == 4
        torch.testing.assert_close(both.delta(module), one.delta(module) + two.delta(module))
        assert torch.equal(one.delta(module), made(1, 0).delta(module))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_where_the_model_computes_it_adds_its_product(dtype: torch.dtype) -> None:
    delta = made(dtype=dtype)
    module = MODULES[1]
    placed = delta.place(module, torch.device("cpu"), torch.float32)
    inputs, output = torch.randn(2, 3, 4), torch.randn(2, 3, 6)
    expected = output + inputs @ delta.delta(module)
    torch.testing.assert_close(placed.apply(inputs, output, torch.zeros(2, 3, dtype=torch.int64)), expected)
    assert placed.size == 4 * (4 * 2 + 2 * 6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_it_is_read_back_from_its_parts(dtype: torch.dtype) -> None:
    delta = made(dtype=dtype)
    parts = delta.parts()
    assert set(parts) == {LowRankDelta.origin, LowRankDelta.main} == {"origin", "factors"}
    again = LowRankDelta.of(MODULES, parts)
    for module in MODULES:
        assert torch.equal(again.left[module], delta.left[module])
        assert torch.equal(again.right[module], delta.right[module])
        assert again.left[module].dtype == dtype
    assert again.size == delta.size


@pytest.mark.parametrize(
    "change",
    [
        {"left_a": None},
        {"right_c": torch.zeros(2, 4)},
        {"left_a": torch.zeros(6, 3)},
        {"left_a": torch.zeros(6)},
        {"left_b": torch.zeros(4, 2, dtype=torch.bfloat16)},
        {"left_a": torch.zeros(6, 2, dtype=torch.int64), "right_a": torch.zeros(2, 4, dtype=torch.int64)},
        {"right_b": torch.full((2, 6), float("inf"))},
    ],
)
def test_damaged_parts_are_refused(change: Mapping[str, torch.Tensor | None]) -> None:
    parts = made().parts()
    tensors = {**parts["factors"].tensors, **change}
    parts["factors"] = Part({}, {name: tensor for name, tensor in tensors.items() if tensor is not None})
    with pytest.raises(CorruptObject):
        LowRankDelta.of(MODULES, parts)


def test_factors_for_other_modules_are_refused() -> None:
    for modules in ((), MODULES[:1], (*MODULES, "third")):
        with pytest.raises(CorruptObject):
            LowRankDelta.of(modules, made().parts())
    with pytest.raises(CorruptObject):
        LowRankDelta.of(MODULES, {})
    with pytest.raises(CorruptObject):
        LowRankDelta((), {}, {})


def test_versions_are_compared_over_all_modules() -> None:
    one, two = made(2, 0), made(2, 1)
    flat = {name: torch.cat([each.delta(m).flatten() for m in MODULES]) for name, each in (("1", one), ("2", two))}
    found = one.compare(two)
    assert found["norm"] == pytest.approx(float(flat["1"].norm()))
    assert found["change"] == pytest.approx(float((flat["1"] - flat["2"]).norm()))
    assert found["entries"] == 48
    assert one.compare(None)["change"] == one.compare(None)["norm"] == found["norm"]
    assert one.compare(made(2, 0))["change"] == 0


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_every_number_has_letters_of_its_own(one: int, two: int) -> None:
    assert letters(one).isalpha() and letters(one).islower()
    assert (letters(one) == letters(two)) == (one == two)
    assert [letters(n) for n in (0, 25, 26, 675, 676)] == ["a", "z", "ba", "zz", "baa"]


@pytest.mark.parametrize("shape", [(6, 4), (3, 5), (4, 4)])
def test_it_is_kept_as_a_matrix_where_its_factors_would_be_larger(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    change, small = LowRankDelta.empty({"a": shape, "b": (9, 8)}), min(shape)
    for _ in range(2):
        left = torch.randn(shape[0], small, generator=generator)
        change = change.plus("a", left, torch.randn(small, shape[1], generator=generator))
    change = change.plus("b", torch.ones(9, 2), torch.ones(2, 8))
    compact = change.compact()
    assert compact.left["a"].shape == (shape[0], small) and compact.right["a"].shape == (small, shape[1])
    assert torch.equal(compact.delta("a"), change.delta("a"))
    assert torch.equal(compact.left["b"], change.left["b"])
    assert all(torch.equal(compact.compact().left[name], compact.left[name]) for name in ("a", "b"))
