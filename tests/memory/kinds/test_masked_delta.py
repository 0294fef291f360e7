"""A side memory is a mask and the values on it; what doesn't fit is refused."""

from __future__ import annotations

import pytest
import torch

from wisedb.errors import CorruptObject, TrainingFailed
from wisedb.memory.kinds.masked_delta import SideMemory, gather, scatter

MASK = torch.tensor([[True, False, True], [False, True, False]])
VALUES = torch.tensor([1.0, 2.0, 3.0])


def test_dense_has_the_values_in_row_major_order() -> None:
    memory = SideMemory("m", MASK, VALUES, 0.5, ("a",))
    assert memory.dense().tolist() == [[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]
    assert memory.shape == (2, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_gather_undoes_scatter(dtype: torch.dtype) -> None:
    values = VALUES.to(dtype)
    assert torch.equal(gather(MASK, scatter(MASK, values)), values)


def test_a_change_outside_the_mask_is_refused() -> None:
    delta = scatter(MASK, VALUES)
    delta[0, 1] = 1e-30
    with pytest.raises(TrainingFailed, match="outside its mask"):
        gather(MASK, delta)
    delta[0, 1] = float("nan")
    with pytest.raises(TrainingFailed):
        gather(MASK, delta)


@pytest.mark.parametrize(
    ("mask", "values", "threshold"),
    [
        (MASK.float(), VALUES, 1.0),
        (MASK[0], VALUES[:2], 1.0),
        (MASK, VALUES[:2], 1.0),
        (MASK, torch.tensor([1, 2, 3]), 1.0),
        (MASK, torch.tensor([1.0, float("inf"), 0.0]), 1.0),
        (MASK, torch.tensor([1.0, float("nan"), 0.0]), 1.0),
        (MASK, VALUES, float("nan")),
        (MASK, VALUES, -1.0),
    ],
)
def test_what_does_not_fit_is_refused(mask: torch.Tensor, values: torch.Tensor, threshold: float) -> None:
    with pytest.raises(CorruptObject):
        SideMemory("m", mask, values, threshold)
