"""A model that was loaded at a commit and is spread out or offloaded by accelerate afterwards answers as before."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from accelerate import cpu_offload, disk_offload, dispatch_model
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tests.stores import AUSTRALIA, HAMLET
from wisedb.repository import Repository

CPU = torch.device("cpu")
BLOCKS = {f"model.layers.{block}": "cpu" for block in range(3)}
PLACES = {"model.embed_tokens": "cpu", **BLOCKS, "model.norm": "cpu", "model.rotary_emb": "cpu", "lm_head": "cpu"}
PROMPTS = [AUSTRALIA.prompt, HAMLET.prompt, "Something else"]


def _said(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    inputs = tokenizer(PROMPTS, return_tensors="pt", padding=True)
    said = model.generate(**inputs, max_new_tokens=6, do_sample=False)
    return list(tokenizer.batch_decode(said, skip_special_tokens=True))


@pytest.mark.parametrize("way", ["dispatched", "cpu", "disk"])
def test_a_loaded_model_may_be_spread_out_and_switched(history: Repository, tmp_path: Path, way: str) -> None:
    model, tokenizer = history.load()
    expected, before = _said(model, tokenizer), _said(history.load("HEAD~2")[0], tokenizer)
    assert expected[0].endswith("Paris") and expected[:2] != before[:2] and expected[2] == before[2]
    if way == "dispatched":
        model = dispatch_model(model, PLACES, main_device="cpu", force_hooks=True)
    elif way == "cpu":
        cpu_offload(model, execution_device=CPU)
    else:
        disk_offload(model, str(tmp_path), execution_device=CPU)
    assert _said(model, tokenizer) == expected
    history.switch(model, "HEAD~2")
    assert _said(model, tokenizer) == before
    history.switch(model, "HEAD")
    assert _said(model, tokenizer) == expected


def test_a_device_map_is_followed(history: Repository, tmp_path: Path) -> None:
    model, tokenizer = history.load(device_map={**PLACES, "model.layers.1": "disk"}, offload_folder=str(tmp_path))
    assert _said(model, tokenizer) == _said(*history.load())
