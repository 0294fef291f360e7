"""The closed form of ROME against a dense solution of its constrained least squares, in float64."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.common.covariance import second_moment
from wisedb.editors.rome.compute_u import Key, compute_u
from wisedb.editors.rome.compute_v import Value
from wisedb.editors.rome.edit import rank_one
from wisedb.errors import TrainingFailed

_D_FF, _D_MODEL, _KEYS = 6, 4, 40


def _problem() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """W (d_ff, d_model), K (n, d_ff), k* (d_ff,), v* (d_model,), float64."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return draw(_D_FF, _D_MODEL), draw(_KEYS, _D_FF) @ draw(_D_FF, _D_FF), draw(_D_FF), draw(_D_MODEL)


def _kkt(weight: torch.Tensor, gram: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """argmin ‖K·W' − K·W‖² with k*ᵀW' = v*: [[G, k*], [k*ᵀ, 0]] · [W'; μ] = [G·W; v*], G = KᵀK."""
    system = torch.zeros(_D_FF + 1, _D_FF + 1, dtype=torch.float64)
    system[:_D_FF, :_D_FF], system[:_D_FF, _D_FF], system[_D_FF, :_D_FF] = gram, key, key
    right = torch.cat([gram @ weight, value[None]])
    solved: torch.Tensor = torch.linalg.solve(system, right)
    return solved[:_D_FF]


@pytest.mark.parametrize("ridge", [1e-6, 0.1, 10.0])
def test_the_change_is_the_constrained_least_squares_solution(ridge: float) -> None:
    weight, keys, key, value = _problem()
    covariance = second_moment([keys])
    moment = covariance.moment.double()
    damped = moment + ridge * moment.diagonal().mean() * torch.eye(_D_FF, dtype=torch.float64)

    found = Key(key, covariance.solver(ridge).solve(key))
    change = rank_one(found, Value(key @ weight, value, 0, 0.0))

    expected = _kkt(weight, damped, key, value)
    assert change.left.shape == (_D_FF, 1) and change.right.shape == (1, _D_MODEL)
    assert torch.allclose(weight + change.dense().double(), expected, rtol=1e-5, atol=1e-6)
    assert torch.allclose(key @ (weight + change.dense().double()), value, rtol=1e-5, atol=1e-6)


def test_without_damping_no_other_matrix_that_says_the_value_is_nearer() -> None:
    weight, keys, key, value = _problem()
    found = Key(key, second_moment([keys]).solver(1e-6).solve(key))
    best = weight + rank_one(found, Value(key @ weight, value, 0, 0.0)).dense().double()
    error = float((keys @ (best - weight)).square().sum())
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        # Any other direction whose product with k* is nothing keeps the constraint.
        step = 0.05 * torch.randn(_D_FF, _D_MODEL, generator=generator, dtype=torch.float64)
        step -= torch.outer(key, key @ step) / key.square().sum()
        assert torch.allclose(key @ (best + step), value, atol=1e-5)
        assert float((keys @ (best + step - weight)).square().sum()) > error


def test_the_key_is_the_mean_over_contexts() -> None:
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(3, 5, _D_FF, generator=generator)
    lookup = torch.tensor([0, 4, 2])
    solver = second_moment([torch.randn(30, _D_FF, generator=generator)]).solver()
    found = compute_u(features, lookup, solver)
    mean = (features[0, 0].double() + features[1, 4].double() + features[2, 2].double()) / 3
    assert torch.allclose(found.k, mean)
    assert torch.allclose(found.u, solver.solve(mean)) and found.u.dtype == torch.float64


def test_a_key_of_zeros_stores_nothing() -> None:
    nothing = torch.zeros(_D_FF, dtype=torch.float64)
    with pytest.raises(TrainingFailed):
        rank_one(Key(nothing, nothing), Value(torch.zeros(_D_MODEL), torch.ones(_D_MODEL), 0, 0.0))
