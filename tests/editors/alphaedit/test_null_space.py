"""The null space of other text's keys."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.alphaedit.null_space import null_space
from wisedb.editors.common.covariance import second_moment
from wisedb.errors import TrainingFailed


def test_it_is_what_the_keys_leave_free() -> None:
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(50, 3, generator=generator) @ torch.randn(3, 8, generator=generator)
    found = null_space(second_moment([keys]), 1e-4)
    assert found.shape == (8, 5) and found.dtype == torch.float64
    assert torch.allclose(found.T @ found, torch.eye(5, dtype=torch.float64), atol=1e-10)
    assert float((keys.double() @ found).abs().max()) < 1e-3


def test_a_larger_threshold_gives_more_room() -> None:
    keys = torch.randn(50, 8, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 0, 8)
    covariance = second_moment([keys])
    sizes = [null_space(covariance, threshold).shape[1] for threshold in (1e-4, 1e-2, 0.5)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1] < 8


def test_where_there_is_none_the_hint_says_what_to_do() -> None:
    keys = torch.eye(8).repeat(3, 1)
    with pytest.raises(TrainingFailed) as found:
        null_space(second_moment([keys]), 0.5)
    assert "threshold" in found.value.hint
