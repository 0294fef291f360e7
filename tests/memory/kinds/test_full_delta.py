"""A full delta is one matrix; what is none is refused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wisedb.errors import CorruptObject
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.full_delta import FullDelta

MODULE = "blocks.1.down"
MATRIX = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 4.0]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_it_is_read_back_from_its_parts(dtype: torch.dtype) -> None:
    delta = FullDelta(MODULE, MATRIX.to(dtype))
    parts = delta.parts()
    assert set(parts) == {FullDelta.origin, FullDelta.main} == {"origin", "matrix"}
    again = FullDelta.of((MODULE,), parts)
    assert torch.equal(again.matrix, delta.matrix) and again.matrix.dtype == dtype
    assert (again.modules, again.entries, again.shape(MODULE)) == ((MODULE,), 1, (2, 3))
    assert again.size == 6 * dtype.itemsize
    assert torch.equal(again.begun(parts["origin"]).matrix, again.matrix)


def test_where_the_model_computes_it_adds_its_product() -> None:
    placed = FullDelta(MODULE, MATRIX.half()).place(MODULE, torch.device("cpu"), torch.float32)
    inputs, output = torch.tensor([[[1.0, 2.0]]]), torch.ones(1, 1, 3)
    assert placed.apply(inputs, output, torch.zeros(1, 1, dtype=torch.int64)).tolist() == [[[2.0, 5.0, 9.5]]]
    assert placed.size == 24


def test_a_weight_gets_it_in_float32() -> None:
    delta = FullDelta(MODULE, MATRIX.bfloat16()).delta(MODULE)
    assert delta.dtype == torch.float32 and torch.equal(delta, MATRIX)


def test_versions_are_compared() -> None:
    one, nothing = FullDelta(MODULE, MATRIX), FullDelta.zero(MODULE, (2, 3), torch.float16)
    assert one.compare(nothing) == one.compare(None)
    assert one.compare(None)["norm"] == pytest.approx(float(MATRIX.norm()))
    assert one.compare(one)["change"] == 0 and one.compare(one)["entries"] == 6
    assert nothing.compare(one)["change"] == pytest.approx(float(MATRIX.norm())) and nothing.compare(one)["norm"] == 0


@pytest.mark.parametrize(
    "matrix",
    [MATRIX[0], MATRIX.long(), torch.full((2, 3), float("nan")), torch.full((2, 3), float("inf"))],
)
def test_what_is_no_finite_matrix_is_refused(matrix: Tensor) -> None:
    with pytest.raises(CorruptObject):
        FullDelta.of((MODULE,), {"origin": Part(), "matrix": Part({}, {"values": matrix})})


def test_parts_that_do_not_belong_together_are_refused() -> None:
    parts = FullDelta(MODULE, MATRIX).parts()
    for modules in ((), (MODULE, "another")):
        with pytest.raises(CorruptObject):
            FullDelta.of(modules, parts)
    with pytest.raises(CorruptObject):
        FullDelta.of((MODULE,), {"origin": Part()})
    with pytest.raises(CorruptObject):
        FullDelta.of((MODULE,), {"matrix": Part({}, {"values": MATRIX, "mask": MATRIX})})
