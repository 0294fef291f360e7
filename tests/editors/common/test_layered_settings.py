"""Settings of the editors over several layers refuse what can't be, and the layers lie where the papers edit."""

from __future__ import annotations

from typing import Any

import pytest

from wisedb.editors.common.layered_settings import LayeredSettings, default_count, default_layer
from wisedb.errors import UnknownSetting


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"learning_rate": 0.0},
        {"clamp": -1.0},
        {"kl_factor": -0.1},
        {"contexts": -1},
        {"layers": -1},
        {"gate": "activation"},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnknownSetting):
        LayeredSettings(**wrong)


@pytest.mark.parametrize("layers", range(1, 49))
def test_the_edited_layers_are_there(layers: int) -> None:
    last = default_layer(layers)
    assert 0 <= last < layers
    assert 1 <= default_count(layers, last) <= last + 1


@pytest.mark.parametrize(("layers", "paper"), [(28, range(3, 9)), (48, range(13, 18)), (32, range(4, 9))])
def test_they_lie_about_where_the_papers_edit(layers: int, paper: range) -> None:
    last = default_layer(layers)
    first = last - default_count(layers, last) + 1
    assert abs(last - paper[-1]) <= layers / 8 and abs(first - paper[0]) <= layers / 8
