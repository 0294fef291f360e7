"""Calibration: in the units of the model, in the source's proportions."""

from __future__ import annotations

import pytest
import torch

from tests.editors.keyed.fixtures import prepared
from wisedb.editors.keyed.calibrate import calibrate
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.model.locate import weight_of


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "opt"])
def test_settings_fit_the_editor_and_keep_the_proportions(family: str) -> None:
    calibration = calibrate(prepared(family))
    config = KeyedSettings.from_settings(calibration.settings)
    assert config.beta / config.alpha == pytest.approx(4, rel=1e-2)
    assert config.beta / config.gamma == pytest.approx(2, rel=1e-2)
    assert "norm" in calibration.description


def test_margins_follow_the_activations_and_steps_follow_the_weights() -> None:
    base = prepared("llama")
    before = calibrate(base)
    with torch.no_grad():
        weight_of(base.projection).mul_(3.0)
    after = calibrate(base)
    for name in ("alpha", "beta", "gamma", "learning_rate", "max_delta"):
        assert after.settings[name] == pytest.approx(3 * float(before.settings[name]), rel=1e-2)
    assert after.settings["routing_weight"] == pytest.approx(float(before.settings["routing_weight"]) / 3, rel=1e-2)
