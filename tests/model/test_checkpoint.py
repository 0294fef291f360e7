"""A checkpoint is loaded whole or refused in one line that names what is wrong and says what to do."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.models import tiny_model, tiny_tokenizer
from wisedb.errors import BaseModelMismatch, UnsupportedModel, WisedbError
from wisedb.model.base import load_base
from wisedb.model.checkpoint import check_forward, check_sizes
from wisedb.model.recognise import describe, load_for
from wisedb.model.tokens import encode_pair
from wisedb.repository import Repository


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_model("llama").save_pretrained(tmp_path / "model")
    tiny_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def _config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _with_weight(folder: Path, name: str) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, name: torch.zeros(2)}, folder / "model.safetensors", metadata={"format": "pt"})


def _without_files(folder: Path, *patterns: str) -> None:
    for file in [file for pattern in patterns for file in folder.glob(pattern)]:
        file.unlink()


def _headless(folder: Path) -> None:
    tiny_model("llama").model.save_pretrained(folder)


def _left_over(folder: Path) -> None:
    _with_weight(folder, "model.layers.7.mlp.up_proj.weight")


def _resized_beside_its_old_config(folder: Path) -> None:
    config = (folder / "config.json").read_text()
    model = tiny_model("llama")
    model.resize_token_embeddings(310, mean_resizing=False)
    model.save_pretrained(folder)
    (folder / "config.json").write_text(config)


def _fewer_embeddings(folder: Path) -> None:
    tiny_model("llama", vocab_size=200).save_pretrained(folder)


def _adapter(folder: Path) -> None:
    _without_files(folder, "*")
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "org/whole"}')
    save_file({"lora": torch.zeros(2)}, folder / "adapter_model.safetensors")


def _pickled_adapter(folder: Path) -> None:
    _adapter(folder)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


def _sentencepiece(folder: Path) -> None:
    _without_files(folder, "tokenizer*", "special*")
    (folder / "tokenizer.model").write_bytes(b"\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02")


def _no_tokenizer(folder: Path) -> None:
    _without_files(folder, "tokenizer*", "special*")


def _damaged_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"model": {"type": "of-my-own"}}')


def _quantised(method: str) -> Callable[[Path], None]:
    return lambda folder: _config(folder, quantization_config={"quant_method": method, "bits": 4, "group_size": 128})


def _impossible(folder: Path) -> None:
    _config(folder, num_attention_heads=0)


def _own_code(folder: Path) -> None:
    _config(folder, model_type="mine", auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"})
    (folder / "own.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")


def _damaged_generation_settings(folder: Path) -> None:
    (folder / "generation_config.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "said", "hint"),
    [
        (_headless, "lm_head.weight", "head"),
        (_left_over, "model.layers.7.mlp.up_proj.weight", "config.json"),
        (_resized_beside_its_old_config, "(310, 32) and should be (300, 32)", "both"),
        (_fewer_embeddings, "300 tokens and the model only 200", "resize_token_embeddings"),
        (_adapter, "an adapter for org/whole", "merge_and_unload"),
        (_pickled_adapter, "an adapter for org/whole", "merge_and_unload"),
        (_sentencepiece, "tokenizer.model alone", "pip install sentencepiece"),
        (_no_tokenizer, "tokenizer", "tokenizer.save_pretrained"),
        (_damaged_tokenizer, "tokenizer", "again"),
        (_quantised("gptq"), "isn't installed", "Install it"),
        (_quantised("of-my-own"), "'of-my-own'", "unquantised"),
        (_impossible, "can't be loaded", "decoder-only"),
        (_own_code, "Python code of its own", "--trust-remote-code"),
        (_damaged_generation_settings, "generation_config.json", ""),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_line(
    folder: Path, spoil: Callable[[Path], None], said: str, hint: str
) -> None:
    spoil(folder)
    with pytest.raises(WisedbError) as caught:
        load_base(str(folder))
    assert said in caught.value.message and hint in caught.value.hint
    assert "\n" not in str(caught.value)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("family", "name"),
    [("llama", "model.layers.0.self_attn.rotary_emb.inv_freq"), ("gpt2", "transformer.h.0.attn.masked_bias")],
)
def test_what_is_computed_today_may_lie_in_old_checkpoints(folder: Path, family: str, name: str) -> None:
    tiny_model(family).save_pretrained(folder)
    _with_weight(folder, name)
    load_base(str(folder))


def test_a_file_is_no_folder(folder: Path) -> None:
    with pytest.raises(WisedbError, match="is a file"):
        load_base(str(folder / "model.safetensors"))


def test_a_model_whose_own_forward_fails_is_refused_by_init(folder: Path, tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"][0] = torch.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UnsupportedModel, match="no numbers"):
        Repository.init(tmp_path / "store", str(folder))
    assert not (tmp_path / "store" / ".wisedb").exists()
    model = tiny_model("llama")
    model.model.layers[1].mlp.down_proj = torch.nn.Linear(3, 3)
    with pytest.raises(UnsupportedModel, match="without any edit"):
        check_forward("it", model)


def test_an_end_token_of_the_generation_settings_ends_what_is_trained(folder: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.eos_token = None
    tokenizer.save_pretrained(folder)
    (folder / "special_tokens_map.json").unlink(missing_ok=True)
    found = load_base(str(folder)).tokenizer
    assert found.eos_token == "</s>"
    assert encode_pair(found, "The capital is", "Paris", end=True)[1][-1] == 2


def test_code_is_run_only_where_that_is_allowed_and_is_part_of_what_the_model_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = tmp_path / "modules"
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(modules))
    monkeypatch.syspath_prepend(str(modules))
    _config(folder, model_type="mine", auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"})
    (folder / "own.py").write_text(
        "from transformers import LlamaConfig, LlamaForCausalLM\n\n\n"
        "class Config(LlamaConfig):\n    model_type = 'mine'\n\n\n"
        "class Model(LlamaForCausalLM):\n    config_class = Config\n"
    )
    with pytest.raises(UnsupportedModel, match="Python code of its own"):
        load_base(str(folder))
    base = load_base(str(folder), trust_remote_code=True)
    record = describe(base)
    assert base.code and record.function is not None and record.function.code
    load_for(record, trust_remote_code=True)
    with pytest.raises(UnsupportedModel):
        load_for(record)
    (folder / "own.py").write_text((folder / "own.py").read_text() + "\n\nCHANGED = True\n")
    with pytest.raises(BaseModelMismatch, match="code"):
        load_for(record, trust_remote_code=True)


@pytest.mark.parametrize(("template", "refused"), [("", False), ("{{ '<|side|>' }}", True)])
def test_a_special_token_that_nothing_uses_needs_no_embedding(template: str, refused: bool) -> None:
    model, tokenizer = tiny_model("llama"), copy.deepcopy(tiny_tokenizer())
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|side|>"]})
    tokenizer.chat_template = template or None
    assert max(tokenizer.get_vocab().values()) >= model.get_input_embeddings().num_embeddings
    with pytest.raises(UnsupportedModel, match="and the model only") if refused else nullcontext():
        check_sizes("tiny", model, tokenizer)
