"""The closed form of MEMIT against the paper's formula, computed densely in float64."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.common.covariance import second_moment
from wisedb.editors.memit.closed_form import spread_update
from wisedb.errors import TrainingFailed

_D_FF, _D_MODEL = 12, 5


def _draw(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("edits", [1, 4, 30])
@pytest.mark.parametrize("weight", [0.5, 20.0])
def test_the_change_is_the_papers(edits: int, weight: float) -> None:
    covariance = second_moment([_draw(60, _D_FF, seed=0) @ _draw(_D_FF, _D_FF, seed=1)])
    keys, residuals = _draw(_D_FF, edits, seed=2), _draw(edits, _D_MODEL, seed=3)
    ridge = 0.01
    found = spread_update(keys, residuals, covariance.solver(ridge), weight)
    moment = covariance.moment.double()
    moment += ridge * moment.diagonal().mean() * torch.eye(_D_FF, dtype=torch.float64)
    # Eq. 14, in the paper's orientation: R Kᵀ (λC + K Kᵀ)⁻¹, (d_model, d_ff).
    expected = residuals.T @ keys.T @ torch.linalg.inv(weight * moment + keys @ keys.T)
    assert found.left.shape == (_D_FF, edits) and found.right.shape == (edits, _D_MODEL)
    assert torch.allclose(found.dense().double(), expected.T, rtol=1e-4, atol=1e-6)


def test_it_is_the_least_squares_solution() -> None:
    covariance = second_moment([_draw(60, _D_FF, seed=0)])
    keys, residuals = _draw(_D_FF, 4, seed=2), _draw(4, _D_MODEL, seed=3)
    solver = covariance.solver(1e-6)
    best = spread_update(keys, residuals, solver, 2.0).dense().double()

    def loss(change: torch.Tensor) -> torch.Tensor:
        kept = (change.T @ covariance.moment.double() @ change).trace()
        return (keys.T @ change - residuals).square().sum() + 2.0 * kept

    change = best.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(change), [change])
    assert float(gradient.abs().max()) < 1e-4 * float(best.abs().max() * covariance.moment.abs().max())


def test_a_key_that_is_no_number_is_refused() -> None:
    solver = second_moment([_draw(60, _D_FF, seed=0)]).solver(0.01)
    with pytest.raises(TrainingFailed):
        spread_update(torch.full((_D_FF, 1), float("nan"), dtype=torch.float64), _draw(1, 2, seed=0), solver, 1.0)
