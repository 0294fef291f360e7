"""ROME's settings refuse what can't be, and its layer lies where the paper edits."""

from __future__ import annotations

from typing import Any

import pytest

from wisedb.editors.rome.settings import RomeSettings, default_layer
from wisedb.errors import UnknownSetting


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"learning_rate": 0.0}, {"clamp": -1.0}, {"kl_factor": -0.1}, {"contexts": -1}, {"ridge": -0.1}],
)
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnknownSetting):
        RomeSettings(**wrong)


@pytest.mark.parametrize(("layers", "layer"), [(1, 0), (3, 0), (6, 1), (12, 3), (24, 6), (28, 7), (32, 8), (48, 13)])
def test_the_layer_lies_between_the_papers_two(layers: int, layer: int) -> None:
    assert default_layer(layers) == layer
    if layers >= 24:
        assert 5 / 28 < layer / layers < 17 / 48
