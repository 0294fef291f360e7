"""Values of a shard and the matrix that they lie in."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.common.subspace import Subspace

MASK = torch.tensor([[True, False, True], [False, True, False]])


def test_values_lie_at_the_entries_of_the_mask_in_its_order() -> None:
    space = Subspace(MASK, torch.device("cpu"))
    values = torch.tensor([1.0, 2.0, 3.0])
    delta = space.delta(values)
    assert delta.tolist() == [[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]
    assert torch.equal(space.values(delta), values) and len(space) == 3


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_dtype_is_that_of_the_values(dtype: torch.dtype) -> None:
    assert Subspace(MASK, torch.device("cpu")).delta(torch.ones(3, dtype=dtype)).dtype == dtype


def test_gradients_reach_the_values_and_nothing_else() -> None:
    values = torch.zeros(3, requires_grad=True)
    weights = torch.arange(6.0).view(2, 3)
    (Subspace(MASK, torch.device("cpu")).delta(values) * weights).sum().backward()
    assert values.grad is not None and torch.equal(values.grad, weights[MASK])


def test_a_mask_of_nothing_has_no_values() -> None:
    space = Subspace(torch.zeros(2, 3, dtype=torch.bool), torch.device("cpu"))
    assert len(space) == 0 and not space.delta(torch.zeros(0)).any()
