"""Which matrices are edited, by name and in a model of any family."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import PreTrainedModel

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.layered_settings import LayeredSettings
from wisedb.editors.common.layers import by_depth, edited_layers, empty_delta, layer_paths
from wisedb.errors import UnknownSetting
from wisedb.model.base import LoadedBase


def _base(model: PreTrainedModel) -> LoadedBase:
    return LoadedBase(model, tiny_tokenizer(), Path("model"), "model")


def test_paths_count_down_from_the_target() -> None:
    assert layer_paths("model.layers.12.mlp.down_proj", 3) == [
        f"model.layers.{layer}.mlp.down_proj" for layer in (10, 11, 12)
    ]
    assert layer_paths("model.layers.2.mlp.experts.7.down_proj", 2) == [
        f"model.layers.{layer}.mlp.experts.7.down_proj" for layer in (1, 2)
    ]


@pytest.mark.parametrize(
    ("target", "layers"), [("h.1.mlp.c_proj", 3), ("h.1.mlp.c_proj", 0), ("mlp.c_proj", 1), ("", 1)]
)
def test_layers_that_are_not_there_are_refused(target: str, layers: int) -> None:
    with pytest.raises(UnknownSetting):
        layer_paths(target, layers)


@pytest.mark.parametrize("family", ["gpt2", "gptj", "gpt_neox", "opt", "llama", "falcon", "bloom", "gemma2"])
def test_every_family_has_them(family: str) -> None:
    base = _base(tiny_model(family))
    settings = by_depth(base, LayeredSettings())
    found = edited_layers(base, settings.target, settings.layers)
    assert [each.layer for each in found] == [0, 1] and found[-1].name == settings.target
    delta = empty_delta(found)
    assert delta.modules == tuple(each.name for each in found) and delta.size == 0
    assert by_depth(base, settings) == settings


def test_what_is_given_wins() -> None:
    base = _base(tiny_model("llama"))
    settings = by_depth(base, LayeredSettings(target="model.layers.2.mlp.down_proj", layers=3))
    assert [each.layer for each in edited_layers(base, settings.target, settings.layers)] == [0, 1, 2]
    with pytest.raises(UnknownSetting):
        by_depth(base, LayeredSettings(target="model.layers.2.mlp.down_proj", layers=4))
