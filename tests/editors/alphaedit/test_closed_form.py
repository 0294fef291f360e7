"""The closed form of AlphaEdit against the paper's formula, computed densely in float64, batch after batch."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.alphaedit.closed_form import projected_update
from wisedb.editors.alphaedit.null_space import null_space
from wisedb.editors.common.covariance import second_moment
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.additive import FactoredDelta

_D_FF, _D_MODEL = 12, 5


def _draw(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _space() -> torch.Tensor:
    # Keys of other text in five of twelve directions.
    return null_space(second_moment([_draw(60, 5, seed=0) @ _draw(5, _D_FF, seed=1)]), 1e-6)


def _nothing(dtype: torch.dtype = torch.float32) -> FactoredDelta:
    return FactoredDelta(torch.zeros(_D_FF, 0, dtype=dtype), torch.zeros(0, _D_MODEL, dtype=dtype))


@pytest.mark.parametrize("weight", [0.01, 3.0])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
def test_each_batch_adds_the_papers_change(weight: float, dtype: torch.dtype, error: float) -> None:
    space = _space()
    projection = space @ space.T
    held = _nothing(dtype)
    earlier = torch.zeros(_D_FF, 0, dtype=torch.float64)
    for number, edits in enumerate((1, 3, 1, 20)):
        keys, residuals = _draw(_D_FF, edits, seed=10 + number), _draw(edits, _D_MODEL, seed=20 + number)
        found = projected_update(held, keys, residuals, space, weight)
        # The paper has it as (d_model, d_ff): R K₁ᵀP (K_p K_pᵀP + K₁K₁ᵀP + λI)⁻¹.
        inner = (earlier @ earlier.T + keys @ keys.T) @ projection + weight * torch.eye(_D_FF, dtype=torch.float64)
        expected = residuals.T @ keys.T @ projection @ torch.linalg.inv(inner)
        change = found.dense().double() - held.dense().double()
        assert float((change - expected.T).abs().max()) < error * float(expected.abs().max())
        earlier = torch.cat([earlier, keys], dim=1)
        assert found.left.dtype == dtype and found.rank == earlier.shape[1]
        held = found


def test_keys_of_other_text_are_left_alone() -> None:
    texts = _draw(60, 5, seed=0) @ _draw(5, _D_FF, seed=1)
    change = projected_update(_nothing(), _draw(_D_FF, 4, seed=2), _draw(4, _D_MODEL, seed=3), _space(), 0.01)
    assert float((texts @ change.dense().double()).abs().max()) < 1e-4
    assert float(change.dense().abs().max()) > 0.01


def test_earlier_edits_are_kept_better_than_without_them() -> None:
    space = _space()
    first, second = _draw(_D_FF, 2, seed=2), _draw(_D_FF, 2, seed=4)
    held = projected_update(_nothing(), first, _draw(2, _D_MODEL, seed=3), space, 0.01)
    more = _draw(2, _D_MODEL, seed=5)
    beside = projected_update(held, second, more, space, 0.01).dense().double() - held.dense().double()
    alone = projected_update(_nothing(), second, more, space, 0.01).dense().double()
    assert float((first.T @ beside).norm()) < 0.2 * float((first.T @ alone).norm())


def test_a_key_that_is_no_number_is_refused() -> None:
    wrong = torch.full((_D_FF, 1), float("nan"), dtype=torch.float64)
    with pytest.raises(TrainingFailed):
        projected_update(_nothing(), wrong, _draw(1, _D_MODEL, seed=0), _space(), 1.0)
