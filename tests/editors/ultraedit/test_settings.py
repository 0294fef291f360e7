"""UltraEdit's settings refuse what can't be, and its layers lie where the paper edits."""

from __future__ import annotations

from typing import Any

import pytest

from wisedb.editors.ultraedit.settings import UltraEditSettings, default_count, default_layer
from wisedb.errors import UnknownSetting


@pytest.mark.parametrize(
    "wrong", [{"learning_rate": 0.0}, {"ridge": 0.0}, {"layers": -1}, {"prior": -1}, {"gate": "activation"}]
)
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnknownSetting):
        UltraEditSettings(**wrong)


@pytest.mark.parametrize(("layers", "layer"), [(1, 0), (3, 2), (6, 5), (28, 26), (32, 30)])
def test_the_last_layer_lies_where_the_paper_edits(layers: int, layer: int) -> None:
    assert default_layer(layers) == layer
    assert default_count(layer) == min(2, layer + 1)
