"""The two hashes say what a checkpoint is, and notice whatever changes it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wisedb.errors import ModelNotFound, UnsupportedModel
from wisedb.model.fingerprint import tensor_spans, tokenizer_digest, weights_digest


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "b.weight": torch.randn(5, 3, generator=generator),
        "a.bias": torch.randn(7, generator=generator).to(torch.bfloat16),
        "c": torch.zeros(0, 4),
    }


def _single(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _sharded(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    folder.mkdir()
    names = {}
    for number, (name, tensor) in enumerate(tensors.items()):
        save_file({name: tensor}, folder / f"model-{number}.safetensors")
        names[name] = f"model-{number}.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    return folder


def test_the_split_into_files_does_not_matter(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    assert weights_digest(_single(tmp_path / "one", tensors)) == weights_digest(_sharded(tmp_path / "many", tensors))


@pytest.mark.parametrize("change", ["value", "name", "dtype", "shape"])
def test_every_change_shows(tmp_path: Path, tensors: dict[str, torch.Tensor], change: str) -> None:
    before = weights_digest(_single(tmp_path / "before", tensors))
    other = dict(tensors)
    if change == "value":
        other["b.weight"] = tensors["b.weight"].clone()
        other["b.weight"][0, 0] += 1
    elif change == "name":
        other["d"] = other.pop("c")
    elif change == "dtype":
        other["a.bias"] = tensors["a.bias"].view(torch.float16)
    else:
        other["b.weight"] = tensors["b.weight"].reshape(3, 5)
    assert weights_digest(_single(tmp_path / "after", other)) != before


def test_other_weights_in_the_folder_do_not_count(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    folder = _single(tmp_path / "one", tensors)
    before = weights_digest(folder)
    save_file({"lora": torch.ones(2)}, folder / "adapter_model.safetensors")
    assert weights_digest(folder) == before


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02.")
    with pytest.raises(UnsupportedModel) as caught:
        weights_digest(tmp_path)
    assert "safe_serialization" in caught.value.hint


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        weights_digest(tmp_path)


def test_a_missing_shard_is_named(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    folder = _sharded(tmp_path / "many", tensors)
    (folder / "model-1.safetensors").unlink()
    with pytest.raises(ModelNotFound, match=r"model-1\.safetensors"):
        weights_digest(folder)


def test_an_index_does_not_lead_out_of_the_folder(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    folder = _sharded(tmp_path / "many", tensors)
    index = {"weight_map": {"a": "../other.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UnsupportedModel):
        weights_digest(folder)


def _file(path: Path, header: bytes, body: bytes) -> Path:
    path.write_bytes(struct.pack("<Q", len(header)) + header + body)
    return path


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', b"123"),
        (b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}', b"123"),
        (b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,3]}}', b"123"),
        (b'{"a":{"dtype":"NO","shape":[3],"data_offsets":[0,3]}}', b"123"),
        (b'{"a":{"dtype":"U8","shape":[-3],"data_offsets":[0,3]}}', b"123"),
        (b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}', b"123"),
        (
            b'{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}',
            b"123",
        ),
        (b"[1, 2]", b""),
        (b"{", b""),
    ],
)
def test_headers_are_read_strictly(tmp_path: Path, header: bytes, body: bytes) -> None:
    with pytest.raises(UnsupportedModel):
        list(tensor_spans(_file(tmp_path / "model.safetensors", header, body)))


def test_a_header_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(UnsupportedModel):
        list(tensor_spans(path))


def test_the_tokenizer_has_its_own_digest(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        tokenizer_digest(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    one = tokenizer_digest(tmp_path)
    (tmp_path / "README.md").write_text("not part of it")
    assert tokenizer_digest(tmp_path) == one
    (tmp_path / "merges.txt").write_text("a b")
    two = tokenizer_digest(tmp_path)
    (tmp_path / "merges.txt").write_text("a c")
    assert len({one, two, tokenizer_digest(tmp_path)}) == 3
