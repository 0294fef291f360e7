"""The second moment is that of the keys that a projection sees, and dividing by it is exact."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_model
from wisedb.editors.common.covariance import Covariance, compute_covariance, second_moment
from wisedb.errors import CorruptObject, UsageError
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate

_TEXTS = [[5, 6, 7, 8], [9, 10], [11, 12, 13, 14, 15, 16, 17]]


def _random_keys(count: int, width: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(width, width, generator=generator)
    return torch.randn(count, width, generator=generator) @ mixing + 0.5


@pytest.mark.parametrize("family", ["gpt2", "llama", "opt", "falcon", "gptj"])
def test_every_token_counts_once_and_no_padding(family: str) -> None:
    model = tiny_model(family)
    projection = locate(model, layer=1)
    forward = find_cached_forward(model, projection)
    seen: list[torch.Tensor] = []
    handle = projection.module.register_forward_pre_hook(lambda _m, args: seen.append(args[0].flatten(0, -2).double()))
    with torch.no_grad():
        for text in _TEXTS:
            model(input_ids=torch.tensor([text]))
    handle.remove()
    keys = torch.cat(seen)

    found = compute_covariance(forward, [*_TEXTS, []])

    assert found.count == len(keys) == 13
    expected = keys.T @ keys / len(keys)
    assert torch.allclose(found.moment.double(), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert found.fourth == pytest.approx(float(keys.square().sum(1).square().mean()), rel=1e-4)


def test_batches_add_up_without_loss() -> None:
    # 1 in 10⁸: lost in a float32 sum, kept in float64.
    small = torch.full((1, 1), 1e-4)
    large = torch.ones(1, 1)
    found = second_moment([large, *[small] * 1000])
    assert found.moment.item() * found.count == pytest.approx(1 + 1000 * 1e-8, rel=1e-7)


def test_it_is_kept_as_tensors_without_loss() -> None:
    covariance = second_moment([_random_keys(50)])
    again = Covariance.from_tensors(covariance.tensors())
    assert torch.equal(again.moment, covariance.moment)
    assert (again.count, again.fourth) == (covariance.count, covariance.fourth)
    with pytest.raises(CorruptObject):
        Covariance.from_tensors({"moment": covariance.moment})
    with pytest.raises(CorruptObject):
        Covariance(covariance.moment.double(), 3, 1.0)
    with pytest.raises(CorruptObject):
        Covariance(covariance.moment * torch.inf, 3, 1.0)


@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_solving_is_dividing_by_the_damped_matrix(ridge: float) -> None:
    covariance = second_moment([_random_keys(50)])
    dense = covariance.moment.double()
    dense = dense + ridge * dense.diagonal().mean() * torch.eye(6, dtype=torch.float64)
    keys = _random_keys(3).double()
    solver = covariance.solver(ridge)
    assert torch.allclose(solver.solve(keys[0]), torch.linalg.inv(dense) @ keys[0], rtol=1e-9)
    assert torch.allclose(solver.solve(keys.T), torch.linalg.inv(dense) @ keys.T, rtol=1e-9)


def test_fewer_tokens_than_dimensions_can_be_divided_by() -> None:
    covariance = second_moment([_random_keys(3)])
    assert int(torch.linalg.matrix_rank(covariance.moment.double(), rtol=1e-5)) == 3
    assert bool(torch.isfinite(covariance.solver().solve(torch.ones(6))).all())


def test_the_sample_says_how_much_to_shrink() -> None:
    few, many = second_moment([_random_keys(10)]), second_moment([_random_keys(10_000)])
    assert 1 > few.shrinkage() > 20 * many.shrinkage() > 0
    assert few.solver().ridge == pytest.approx(few.shrinkage() / (1 - few.shrinkage()))
    # Nothing but noise around a multiple of the identity: all of the structure is chance.
    sphere = second_moment([torch.randn(20, 6, generator=torch.Generator().manual_seed(1))])
    assert sphere.shrinkage() > 0.5


def test_the_shrinkage_lowers_the_error_of_the_estimate() -> None:
    truth = second_moment([_random_keys(200_000)]).moment
    generator = torch.Generator().manual_seed(3)
    keys = _random_keys(200_000)
    plain, shrunk = 0.0, 0.0
    for _ in range(50):
        sample = second_moment([keys[torch.randint(len(keys), (12,), generator=generator)]])
        rho, scale = sample.shrinkage(), sample.moment.diagonal().mean()
        estimate = (1 - rho) * sample.moment + rho * scale * torch.eye(6)
        plain += float((sample.moment - truth).square().sum())
        shrunk += float((estimate - truth).square().sum())
    assert shrunk < plain


def test_no_tokens_and_no_ridge_are_refused() -> None:
    with pytest.raises(UsageError):
        second_moment([])
    with pytest.raises(UsageError):
        second_moment([_random_keys(5)]).solver(0.0)
    model = tiny_model("llama")
    with pytest.raises(UsageError):
        compute_covariance(find_cached_forward(model, locate(model)), [[]])
