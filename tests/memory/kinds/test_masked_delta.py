"""A masked delta is a mask and the values on it; what doesn't fit is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.errors import CorruptObject
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.masked_delta import MaskedDelta, scatter
from wisedb.memory.kinds.masks import PackedMask, pack, random_mask

MASK = torch.tensor([[True, False, True], [False, True, False]])
VALUES = torch.tensor([1.0, 2.0, 3.0])
MODULE = "blocks.1.down"


def made(values: torch.Tensor = VALUES) -> MaskedDelta:
    return MaskedDelta.under(MODULE, MASK, values)


def test_dense_has_the_values_in_row_major_order() -> None:
    delta = made()
    assert delta.dense().tolist() == [[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]
    assert delta.shape(MODULE) == (2, 3)
    assert (delta.modules, delta.entries) == ((MODULE,), 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_scatter_puts_the_values_under_the_mask_and_nothing_elsewhere(dtype: torch.dtype) -> None:
    values = VALUES.to(dtype)
    matrix = scatter(MASK, values)
    assert matrix.dtype == dtype
    assert torch.equal(matrix[MASK], values)
    assert not matrix[~MASK].any()


def test_where_the_model_computes_it_adds_its_product() -> None:
    delta = made(VALUES.bfloat16())
    assert delta.delta(MODULE).dtype == torch.float32
    placed = delta.place(MODULE, torch.device("cpu"), torch.float16)
    assert placed.matrix.dtype == torch.float16 and placed.size == 12
    inputs, output = torch.ones(1, 1, 2, dtype=torch.float16), torch.ones(1, 1, 3, dtype=torch.float16)
    nothing = torch.zeros(1, 1, dtype=torch.int64)
    assert placed.apply(inputs, output, nothing).tolist() == [[[2.0, 4.0, 3.0]]]


@pytest.mark.parametrize(
    ("mask", "values"),
    [
        (MASK.float(), VALUES),
        (MASK[0], VALUES[:2]),
        (MASK, VALUES[:2]),
        (MASK, VALUES[:, None]),
        (MASK, torch.tensor([1, 2, 3])),
        (MASK, torch.tensor([1.0, float("inf"), 0.0])),
        (MASK, torch.tensor([1.0, float("nan"), 0.0])),
    ],
)
def test_what_does_not_fit_is_refused(mask: torch.Tensor, values: torch.Tensor) -> None:
    with pytest.raises(CorruptObject):
        MaskedDelta.under(MODULE, mask, values)


def test_it_is_read_back_from_its_parts() -> None:
    delta = made(VALUES.bfloat16())
    parts = delta.parts()
    assert set(parts) == {"mask", "delta"} == {MaskedDelta.origin, MaskedDelta.main}
    again = MaskedDelta.of((MODULE,), parts)
    assert torch.equal(again.mask, MASK) and torch.equal(again.values, delta.values)
    assert (again.modules, again.values.dtype) == ((MODULE,), torch.bfloat16)


@pytest.mark.parametrize(
    ("role", "meta", "tensors"),
    [
        ("mask", None, None),
        ("delta", None, None),
        ("mask", {}, {}),
        ("delta", None, {}),
        ("mask", {}, None),
        ("mask", {"shape": [2]}, None),
        ("mask", {"shape": [2, -3]}, None),
        ("mask", {"shape": [2, True]}, None),
        ("mask", {"shape": [20, 30]}, None),
        ("mask", None, {"bits": torch.zeros(1, dtype=torch.float32)}),
        ("mask", None, {"bits": torch.full((1,), 255, dtype=torch.uint8)}),
        ("delta", None, {"values": VALUES[:2]}),
        ("delta", None, {"values": VALUES * float("nan")}),
    ],
)
def test_damaged_parts_are_refused(
    role: str, meta: Mapping[str, Any] | None, tensors: Mapping[str, torch.Tensor] | None
) -> None:
    parts = made().parts()
    old = parts.pop(role)
    if meta is not None or tensors is not None:
        parts[role] = Part(old.meta if meta is None else meta, old.tensors if tensors is None else tensors)
    with pytest.raises(CorruptObject):
        MaskedDelta.of((MODULE,), parts)


def test_it_has_one_module() -> None:
    for modules in ((), (MODULE, "another")):
        with pytest.raises(CorruptObject):
            MaskedDelta.of(modules, made().parts())


def test_versions_are_compared_by_their_values() -> None:
    one, two = made(torch.tensor([3.0, 0.0, 4.0])), made(torch.tensor([3.0, 2.0, 4.0]))
    assert one.compare(None) == {"norm": 5.0, "change": 5.0, "entries": 3.0}
    assert one.compare(two) == {"norm": 5.0, "change": 2.0, "entries": 3.0}
    assert one.compare(one)["change"] == 0.0


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99), st.sampled_from([torch.float32, torch.bfloat16]))
def test_a_memory_is_kept_packed_and_gives_what_it_was_given(
    rows: int, columns: int, seed: int, dtype: torch.dtype
) -> None:
    mask = random_mask((rows, columns), 0.4, seed)
    values = torch.arange(1.0, int(mask.sum()) + 1).to(dtype)
    memory = MaskedDelta.under(MODULE, mask, values)
    assert torch.equal(memory.mask, mask) and memory.shape(MODULE) == (rows, columns)
    expected = torch.zeros(rows, columns, dtype=dtype)
    expected[mask] = values
    assert torch.equal(memory.dense(), expected)
    assert torch.equal(memory.dense(dtype=torch.float64), expected.double())
    assert memory.size == (rows * columns + 7) // 8 + values.numel() * dtype.itemsize
    again = MaskedDelta(MODULE, PackedMask.read(pack(mask), (rows, columns)), values)
    assert torch.equal(again.dense(), expected)
    # The bits are unpacked by torch's own arithmetic elsewhere than on the processor.
    shifts = torch.arange(7, -1, -1, dtype=torch.uint8)
    spread = (memory.packed.bits[:, None] >> shifts) & 1
    assert torch.equal(spread.reshape(-1)[: rows * columns].bool().reshape(rows, columns), mask)
    assert torch.equal(replace(memory, values=values * 2).mask, mask)
    assert not any(isinstance(part, torch.Tensor) and part.dtype == torch.bool for part in vars(memory).values())


def test_a_packed_mask_of_another_size_is_refused() -> None:
    with pytest.raises(CorruptObject):
        PackedMask.read(torch.zeros(2, dtype=torch.uint8), (2, 3))
    packed = PackedMask.of(torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(CorruptObject, match="6 entries are masked"):
        MaskedDelta(MODULE, packed, torch.ones(5))
