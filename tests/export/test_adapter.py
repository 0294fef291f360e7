"""An adapter answers as the store does, and a damaged one is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import wisedb
from tests.export.logits import logits_of
from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.errors import CorruptObject, FormatTooNew
from wisedb.repository import Repository


@pytest.mark.parametrize("mode", ["retrieve", "merge", "base"])
def test_an_adapter_answers_as_the_store_does(history: Repository, tmp_path: Path, mode: str) -> None:
    made = history.export("HEAD", tmp_path / "out", "adapter")
    assert "adapter.json" in made.files
    model, tokenizer = wisedb.load(made.path, mode=mode)
    expected, _ = history.load(mode=mode)
    for prompt in (AUSTRALIA.prompt, HAMLET.prompt, SUM.prompt, "Something else"):
        assert torch.equal(logits_of(model, tokenizer, prompt), logits_of(expected, tokenizer, prompt))


def test_a_damaged_adapter_is_refused(history: Repository, tmp_path: Path) -> None:
    made = history.export("HEAD", tmp_path / "out", "adapter")
    description = json.loads((made.path / "adapter.json").read_text())

    def write(**changes: object) -> None:
        (made.path / "adapter.json").write_text(json.dumps({**description, **changes}))

    write(format=3)
    with pytest.raises(FormatTooNew):
        wisedb.load(made.path)
    write(memories=[{"id": "../../etc", "kind": "shard", "blobs": {"mask": "x", "delta": "y"}}])
    with pytest.raises(CorruptObject):
        wisedb.load(made.path)
    write()
    blob = next(made.path.glob("objects/*/*.safetensors"))
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(data)
    with pytest.raises(CorruptObject):
        wisedb.load(made.path)


def test_one_changed_bit_of_any_array_is_refused(history: Repository, tmp_path: Path) -> None:
    made = history.export("HEAD", tmp_path / "out", "adapter")
    changed = 0
    for blob in sorted(made.path.glob("objects/*/*.safetensors")):
        data = blob.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        tensors = json.loads(data[8:start])
        del tensors["__metadata__"]
        blob.chmod(0o600)
        for tensor in tensors.values():
            first, end = tensor["data_offsets"]
            if end > first:
                blob.write_bytes(data[: start + first] + bytes([data[start + first] ^ 8]) + data[start + first + 1 :])
                with pytest.raises(CorruptObject):
                    wisedb.load(made.path)
                changed += 1
        blob.write_bytes(data)
    assert changed > 4
    wisedb.load(made.path)
