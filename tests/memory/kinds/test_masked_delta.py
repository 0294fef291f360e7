"""A masked delta is a mask and the values on it; what doesn't fit is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from wisedb.errors import CorruptObject
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.masked_delta import MaskedDelta, scatter

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
