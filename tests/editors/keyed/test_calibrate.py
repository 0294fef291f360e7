"""Calibration: in the units of the matrix that is edited, within bounds."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.keyed.calibrate import calibrate
from wisedb.editors.keyed.settings import KeyedSettings


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_steps_and_bound_follow_the_weights(dtype: torch.dtype) -> None:
    weight = torch.randn(64, 16, generator=torch.Generator().manual_seed(0)).to(dtype)
    before, after = calibrate(weight), calibrate(weight * 4)
    for name in ("learning_rate", "max_delta"):
        assert after[name] == pytest.approx(4 * float(before[name]), rel=1e-3)
    assert KeyedSettings.from_settings(before).learning_rate == pytest.approx(
        0.2 * float(weight.float().std()), rel=0.1
    )


@pytest.mark.parametrize(
    ("shape", "ratio", "capacity"), [((10, 10), 0.8, 20), ((500, 400), 0.5, 125), ((11008, 4096), 0.2, 500)]
)
def test_a_small_matrix_gives_a_larger_share_to_fewer_edits(
    shape: tuple[int, int], ratio: float, capacity: int
) -> None:
    found = calibrate(torch.ones(1, 1).expand(shape))
    assert (found["mask_ratio"], found["shard_capacity"]) == (ratio, capacity)
