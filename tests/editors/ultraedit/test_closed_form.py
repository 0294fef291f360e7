"""The closed form of UltraEdit against the paper's formula, computed densely in float64."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.ultraedit.closed_form import shift_update, wanted_shift
from wisedb.editors.ultraedit.features import Features
from wisedb.editors.ultraedit.moments import Moments
from wisedb.errors import TrainingFailed

_D_FF, _D_MODEL = 12, 5


def _draw(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("tokens", [1, 4, 30])
def test_the_change_is_the_papers(tokens: int) -> None:
    keys, shift = _draw(tokens, _D_FF, seed=0), _draw(tokens, _D_MODEL, seed=1)
    found = shift_update(keys, shift, 0.7)
    expected = torch.linalg.inv(keys.T @ keys + 0.7 * torch.eye(_D_FF, dtype=torch.float64)) @ keys.T @ shift
    assert found.rank == tokens
    assert torch.allclose(found.dense().double(), expected, rtol=1e-4, atol=1e-5)


def test_what_is_wanted_is_a_step_against_the_normalised_gradient() -> None:
    keys, gradients = _draw(4, _D_FF, seed=0).float(), _draw(4, _D_MODEL, seed=1).float()
    sizes = torch.tensor([1.0, 2.0, 3.0, 4.0])
    seen = torch.cat([_draw(40, _D_FF + _D_MODEL, seed=2), torch.cat([keys, gradients], dim=1)])
    moments = Moments.none(_D_FF + _D_MODEL).with_rows(seen)
    found = wanted_shift(Features(keys, gradients, sizes), moments, 0.5)
    mean, deviation = seen.mean(dim=0), seen.std(dim=0)
    for row in range(4):
        key = (keys[row].double() - mean[:_D_FF]) / deviation[:_D_FF]
        gradient = (gradients[row].double() - mean[_D_FF:]) / deviation[_D_FF:]
        expected = -0.5 * float(sizes[row]) * float(key @ key) / _D_FF * gradient
        assert torch.allclose(found[row], expected)


def test_a_key_that_is_no_number_is_refused() -> None:
    with pytest.raises(TrainingFailed):
        shift_update(torch.full((1, _D_FF), float("nan")), _draw(1, _D_MODEL, seed=0), 1.0)
