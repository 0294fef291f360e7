"""The keys of a row are the ridge solution in white coordinates."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.common.covariance import second_moment
from wisedb.editors.recall.keys import whitened_keys

WIDTH = 7


def features(count: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(0))
    return torch.randn(count, WIDTH, generator=generator) @ mixing + 0.5


@pytest.mark.parametrize("count", [4, 20])
def test_they_are_the_least_squares_of_a_dense_system(count: int) -> None:
    covariance, given = second_moment([features(100, 2)]), features(count)
    solver = covariance.solver(0.05)
    places = torch.arange(count) % 3
    found = whitened_keys(given, places, solver, 16, 0.1)

    # argmin ‖C^½L‖² + ‖KL − Y‖²/λ, as one system of equations.
    damped = solver.factor @ solver.factor.T
    levels, basis = torch.linalg.eigh(damped)
    root = (basis * levels.sqrt()) @ basis.T
    keys = given.double()
    ridge = 0.1 * float((keys @ torch.linalg.inv(damped) @ keys.T).diagonal().mean())
    said = torch.nn.functional.one_hot(places, 3).double()
    system = torch.cat([root, keys / ridge**0.5])
    wanted = torch.cat([torch.zeros(WIDTH, 3, dtype=torch.float64), said / ridge**0.5])
    expected = torch.linalg.lstsq(system, wanted).solution
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_few_tokens_are_told_apart() -> None:
    given, places = features(4), torch.tensor([0, 1, 0, 1])
    found = whitened_keys(given, places, second_moment([features(100, 2)]).solver(0.05), 16, 1e-6)
    assert torch.allclose(given @ found, torch.nn.functional.one_hot(places, 2).float(), atol=1e-2)


def test_a_long_answer_has_the_main_directions() -> None:
    given, solver = features(30), second_moment([features(100, 2)]).solver(0.05)
    found = whitened_keys(given, torch.arange(30), solver, 4, 1e-6)
    assert found.shape == (WIDTH, 4)
    # What the keys say of the tokens spans what is largest of them in white coordinates.
    gram = given.double() @ solver.solve(given.T)
    main = torch.linalg.eigh(gram)[1][:, -4:]
    said = (given @ found).double()
    assert torch.allclose(main @ (main.T @ said), said, atol=1e-3 * float(said.abs().max()))
