"""Base models are found, loaded and recognised; what is wrong is said in one line."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
import torch

from tests.gguf_files import write_gguf
from tests.models import tiny_model, tiny_tokenizer
from wisedb.config import BaseModel
from wisedb.errors import BaseModelMismatch, ModelNotFound, UnsupportedModel, UsageError
from wisedb.model.base import load_base
from wisedb.model.recognise import describe, load_for, verify


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_model("gpt2").save_pretrained(tmp_path / "model")
    tiny_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_folder_is_recorded_with_its_absolute_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    base = load_base("model")
    assert base.name == str(folder.resolve())
    record = describe(base)
    assert (record.model, record.revision) == (str(folder.resolve()), None)
    assert not base.model.training


def test_keyword_arguments_reach_from_pretrained(folder: Path) -> None:
    assert load_base(str(folder), dtype=torch.bfloat16).model.dtype == torch.bfloat16
    assert load_base(str(folder), torch_dtype="bfloat16").model.dtype == torch.bfloat16


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_on_a_cpu(folder: Path, half: torch.dtype) -> None:
    tiny_model("gpt2").to(half).save_pretrained(folder)
    expected = half if torch.cuda.is_available() else torch.float32
    assert load_base(str(folder)).model.dtype == expected
    assert load_base(str(folder), dtype=half).model.dtype == half


def test_a_tokenizer_without_pad_token_pads_with_its_end(folder: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    base = load_base(str(folder))
    assert base.tokenizer.pad_token_id == base.tokenizer.eos_token_id is not None


@pytest.mark.parametrize("what", ["weights", "tokenizer", "both"])
def test_a_mismatch_says_what_differs(folder: Path, what: str) -> None:
    record = describe(load_base(str(folder)))
    if what != "tokenizer":
        tiny_model("gpt2", seed=1).save_pretrained(folder)
    if what != "weights":
        (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    with pytest.raises(BaseModelMismatch) as caught:
        verify(record, load_base(str(folder)))
    assert ("weights" in caught.value.message) == (what != "tokenizer")
    assert ("tokenizer" in caught.value.message) == (what != "weights")
    assert str(folder) in caught.value.message


def test_the_same_model_elsewhere_is_taken(folder: Path, tmp_path: Path) -> None:
    record = describe(load_base(str(folder)))
    folder.rename(tmp_path / "moved")
    verify(record, load_base(str(tmp_path / "moved")))


def test_what_is_not_there_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound) as caught:
        load_base("nobody/nothing", local_files_only=True, cache_dir=tmp_path)
    assert "\n" not in caught.value.message and caught.value.hint
    with pytest.raises(ModelNotFound):
        load_base("./no/such/folder")


def test_a_folder_has_no_revision(folder: Path) -> None:
    with pytest.raises(UsageError):
        load_base(str(folder), "main")


def test_pickled_weights_are_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UnsupportedModel):
        load_base(str(folder))


def test_what_is_no_language_model_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "of-my-own"}')
    with pytest.raises(UnsupportedModel) as caught:
        load_base(str(folder))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("by_path", [True, False])
def test_a_gguf_file_is_recorded_with_its_name(tmp_path: Path, by_path: bool) -> None:
    write_gguf(tmp_path / "F.gguf")
    base = load_base(str(tmp_path / "F.gguf")) if by_path else load_base(str(tmp_path), gguf_file="F.gguf")
    record = describe(base)
    whole = hashlib.sha256((tmp_path / "F.gguf").read_bytes()).hexdigest()
    assert record == BaseModel(str(tmp_path), None, whole, whole, gguf_file="F.gguf")
    assert load_for(record).gguf_file == "F.gguf"


def test_a_gguf_file_of_another_name_is_taken_if_it_is_the_same(tmp_path: Path) -> None:
    write_gguf(tmp_path / "F.gguf")
    record = describe(load_base(str(tmp_path / "F.gguf")))
    (tmp_path / "F.gguf").rename(tmp_path / "G.gguf")
    with pytest.raises(ModelNotFound, match=r"F\.gguf"):
        load_for(record)
    load_for(record, model=str(tmp_path / "G.gguf"))
    load_for(record, gguf_file="G.gguf")
    write_gguf(tmp_path / "G.gguf", seed=1)
    with pytest.raises(BaseModelMismatch, match=r"G\.gguf"):
        load_for(record, gguf_file="G.gguf")


def test_a_folder_of_gguf_files_wants_one_named(tmp_path: Path) -> None:
    write_gguf(tmp_path / "F.gguf")
    with pytest.raises(ModelNotFound) as caught:
        load_base(str(tmp_path))
    assert "--gguf-file F.gguf" in str(caught.value.hint)
    with pytest.raises(UsageError, match="two GGUF files"):
        load_base(str(tmp_path / "F.gguf"), gguf_file="G.gguf")
    with pytest.raises(UsageError):
        load_base(str(tmp_path), gguf_file="../F.gguf")


def test_without_the_package_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wisedb.model.base.download", lambda *_, **__: pytest.fail("something was fetched"))
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(UnsupportedModel, match="the package gguf"):
        load_base("org/name", gguf_file="F.gguf")
