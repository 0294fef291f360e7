"""The kept values name the base model whatever it is loaded in, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel

from tests.models import tiny_model
from wisedb.errors import BaseModelMismatch, CorruptObject
from wisedb.export.peft.config import MemoryConfig
from wisedb.export.peft.probe import check_probe, probe
from wisedb.model.locate import locate

STORED = torch.float16, torch.bfloat16, torch.float32
LOADED = *STORED, torch.float64


def _config(folder: Path, target: str) -> MemoryConfig:
    return MemoryConfig(inference_mode=True, base={"model": "m", "revision": "r" * 40}, probe=probe(folder, target))


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_one_model_passes_in_every_dtype_and_a_small_change_does_not(
    family: str, stored: torch.dtype, tmp_path: Path
) -> None:
    model = tiny_model(family).to(stored)
    model.save_pretrained(tmp_path)
    projection = locate(model)
    config = _config(tmp_path, projection.name)
    assert config.probe is not None
    weight = projection.module.get_parameter("weight")
    for loaded in LOADED:
        check_probe(config, weight.to(loaded))
    changed = weight.detach().clone()
    changed[0, 0] = torch.nextafter(changed[0, 0].float(), torch.tensor(9.0)).to(stored) + 2**-8
    for wrong in (changed, weight[:-1], weight.T):
        with pytest.raises(BaseModelMismatch) as refused:
            check_probe(config, wrong)
        assert "rrrr" in refused.value.message


def test_a_checkpoint_without_head_has_the_same_weight_by_a_shorter_name(tmp_path: Path) -> None:
    model = tiny_model("llama")
    model.save_pretrained(tmp_path / "whole")
    AutoModel.from_pretrained(tmp_path / "whole").save_pretrained(tmp_path / "headless")
    name = locate(model).name
    assert probe(tmp_path / "whole", name) == probe(tmp_path / "headless", name) is not None


def test_no_probe_is_made_of_what_is_not_there(tmp_path: Path) -> None:
    assert probe(tmp_path, "model.layers.0.mlp.down_proj") is None
    tiny_model("llama").save_pretrained(tmp_path)
    assert probe(tmp_path, "model.layers.0.mlp.no_proj") is None
    assert probe(tmp_path, "model.norm") is None
    check_probe(MemoryConfig(inference_mode=True), torch.ones(2, 2))


@pytest.mark.parametrize("broken", [{}, {"dtype": "X", "values": [[1.0]], "shape": [1, 1]}, {"values": "x"}])
def test_a_broken_probe_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(CorruptObject):
        check_probe(MemoryConfig(inference_mode=True, probe=broken), torch.ones(2, 2))
