"""The adapter folder: safetensors and JSON, the same bytes each time, and refused where it is damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

import wisedb
from tests.models import tiny_tokenizer
from tests.stores import ARRAYS, AUSTRALIA, HAMLET, SUM
from wisedb.errors import CorruptObject, UsageError, WisedbWarning
from wisedb.export.peft.folder import is_peft
from wisedb.repository import Repository

PROMPTS = [AUSTRALIA.prompt, HAMLET.prompt, SUM.prompt, "Something else"]


def _logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model(**tiny_tokenizer()(PROMPTS, return_tensors="pt", padding=True)).logits
    return logits


def test_the_folder_is_an_adapter_folder_of_peft(history: Repository, adapter: Path) -> None:
    assert {path.name for path in adapter.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((adapter / "adapter_config.json").read_text())
    target = history.store.config.editor.target
    assert config["peft_type"] == "WISEDB" and config["task_type"] == "CAUSAL_LM" and config["inference_mode"] is True
    assert config["base_model_name_or_path"] == history.store.config.base.model and config["target_modules"] == [target]
    assert config["mode"] == "retrieve" and config["commit"] == history.store.head_commit()[0]
    held = [edit for memory in config["memories"] for edit in memory["blobs"]["delta"]["meta"]["edits"]]
    assert sorted(held) == sorted(edit.id for edit in (AUSTRALIA, HAMLET, SUM))
    names = set(load_file(adapter / "adapter_model.safetensors"))
    start = f"base_model.model.{target}.wisedb_memories."
    assert names == {f"{start}{number}_{array}" for number in range(2) for array in ARRAYS}
    readme = (adapter / "README.md").read_text()
    assert "import wisedb" in readme and "3 edited facts" in readme and "base_model:" not in readme


def test_exporting_again_gives_the_same_bytes(history: Repository, adapter: Path, tmp_path: Path) -> None:
    again = history.export("HEAD", tmp_path / "again", "peft").path
    for file in adapter.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("mode", ["retrieve", "merge", "base"])
def test_wisedb_loads_it_as_the_store_does(history: Repository, adapter: Path, mode: str) -> None:
    model, _ = wisedb.load(adapter, mode=mode)
    expected, _ = history.load(mode=mode)
    assert torch.equal(_logits(model), _logits(expected))
    assert set(model.state_dict()) == set(expected.state_dict())


def test_only_folders_of_the_method_are_taken_for_one(adapter: Path, tmp_path: Path) -> None:
    assert is_peft(adapter) and not is_peft(tmp_path)
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    assert not is_peft(tmp_path)
    (tmp_path / "adapter_config.json").write_text("[]")
    assert not is_peft(tmp_path)


def test_damaged_tensors_are_refused(adapter: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(adapter, tmp_path / "copy")
    file = copy / "adapter_model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if name.endswith("0_delta_values"))
    for wrong in (
        {},
        {name: tensors[name][:-1]},
        {name: tensors[name] * torch.nan},
        {name: tensors[name].to(torch.int8)},
    ):
        save_file({key: value for key, value in {**tensors, **wrong}.items() if wrong or key != name}, file)
        with pytest.raises(CorruptObject):
            wisedb.load(copy)
    file.write_bytes(b"not a file of tensors")
    with pytest.raises(CorruptObject):
        wisedb.load(copy)
    file.unlink()
    with pytest.raises(CorruptObject):
        wisedb.load(copy)


def flipped(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor with one bit changed that matters: of a float, one of an exponent."""
    raw = tensor.contiguous().view(torch.uint8).clone().flatten()
    raw[tensor.element_size() - 1] ^= 0x08
    return raw.view(tensor.dtype).reshape(tensor.shape)


def test_one_changed_bit_of_any_array_is_refused(
    adapter: Path, tmp_path: Path, base: Callable[[], PreTrainedModel]
) -> None:
    """Every number is still finite, and has its place: only its checksum tells."""
    copy = shutil.copytree(adapter, tmp_path / "copy")
    file = copy / "adapter_model.safetensors"
    tensors = load_file(file)
    changed = [name for name, tensor in tensors.items() if tensor.numel()]
    assert len(changed) > 8
    for name in changed:
        altered = flipped(tensors[name])
        assert not torch.equal(altered, tensors[name])
        save_file({**tensors, name: altered}, file, metadata={"format": "pt"})
        with pytest.raises(CorruptObject, match="other values than were exported") as caught:
            wisedb.load(copy)
        assert name.rpartition(".")[2] in caught.value.message and caught.value.hint
    with pytest.raises(CorruptObject, match="other values than were exported"):
        _logits(PeftModel.from_pretrained(base(), copy))


def test_what_was_cast_is_loaded_and_that_is_told(adapter: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(adapter, tmp_path / "copy")
    file = copy / "adapter_model.safetensors"
    tensors = load_file(file)
    halves = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    save_file(halves, file, metadata={"format": "pt"})
    with pytest.warns(WisedbWarning, match="were cast after the export"):
        wisedb.load(copy)


def test_an_export_without_checksums_is_loaded(history: Repository, adapter: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(adapter, tmp_path / "copy")
    config = json.loads((copy / "adapter_config.json").read_text())
    for memory in config["memories"]:
        for blob in memory["blobs"].values():
            for array in blob["arrays"].values():
                del array["sha256"]
    (copy / "adapter_config.json").write_text(json.dumps(config))
    assert torch.equal(_logits(wisedb.load(copy)[0]), _logits(history.load()[0]))


def test_an_adapter_has_no_revisions(adapter: Path) -> None:
    with pytest.raises(UsageError):
        wisedb.load(adapter, "HEAD")
