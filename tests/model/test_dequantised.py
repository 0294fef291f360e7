"""A GGUF file is loaded as what was packed into it, and from nothing else; what can't be is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gguf import GGMLQuantizationType as Kind

from tests.gguf_files import write_gguf
from tests.models import VOCABULARY, tiny_chat_tokenizer, tiny_tokenizer
from wisedb.errors import UnsupportedModel
from wisedb.model.dequantised import load_dequantised

TEXT = "The capital of Australia is Canberra"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "F.gguf"


def test_what_was_written_is_loaded(file: Path) -> None:
    written = write_gguf(file)
    model, tokenizer = load_dequantised(file)
    ids = tiny_tokenizer()(TEXT, return_tensors="pt").input_ids
    assert tokenizer(TEXT).input_ids == ids[0].tolist()
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<pad>", "</s>")
    if not torch.cuda.is_available():
        assert torch.equal(model(ids).logits, written(ids).logits)
    assert model.name_or_path == tokenizer.name_or_path == str(file.parent)


def test_packed_weights_become_plain_ones(file: Path) -> None:
    written = write_gguf(file, kind=Kind.Q8_0)
    model, _ = load_dequantised(file, dtype="auto")
    halves = torch.cuda.is_available()
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == (torch.bfloat16 if halves else torch.float32)
        before = written.state_dict()[name]
        # Eight bits a number, and a scale for each 32.
        assert (tensor.float() - before).abs().max() <= before.abs().max() / (100 if halves else 250)
    assert type(model.get_submodule("model.layers.0.mlp.down_proj")) is torch.nn.Linear


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_another_dtype_may_be_asked_for(file: Path, dtype: torch.dtype) -> None:
    write_gguf(file)
    assert load_dequantised(file, dtype=dtype)[0].dtype == dtype


def test_what_lies_beside_the_file_changes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_gguf(file)
    tiny_chat_tokenizer().save_pretrained(file.parent)
    elsewhere = file.parent / "elsewhere"
    elsewhere.mkdir()
    write_gguf(elsewhere / file.name, seed=1)
    expected = load_dequantised(file)[0].state_dict()
    # A file of that name in the working directory is another one.
    monkeypatch.chdir(elsewhere)
    model, tokenizer = load_dequantised(file)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())
    ids = list(range(VOCABULARY))
    assert tokenizer.chat_template is None
    assert tokenizer.convert_ids_to_tokens(ids) == tiny_tokenizer().convert_ids_to_tokens(ids)


def test_an_architecture_that_transformers_does_not_know(file: Path) -> None:
    write_gguf(file, architecture="of-my-own")
    _refused(file, "of-my-own")


def test_a_kind_of_tokenizer_that_transformers_does_not_know(file: Path) -> None:
    write_gguf(file, tokenizer="of-my-own")
    _refused(file, "of-my-own")


def test_one_part_of_several(file: Path) -> None:
    write_gguf(file, without="model.layers.1.mlp.down_proj.weight")
    _refused(file, "lacks 1 of the model's weights, such as model.layers.1.mlp.down_proj.weight")


@pytest.mark.parametrize("share", [0.001, 0.02, 0.5, 0.9])
def test_a_download_that_broke_off(file: Path, share: float) -> None:
    write_gguf(file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    _refused(file, file.name)


def _refused(file: Path, why: str) -> None:
    with pytest.raises(UnsupportedModel) as caught:
        load_dequantised(file)
    assert why in caught.value.message and "\n" not in caught.value.message
    assert caught.value.hint
