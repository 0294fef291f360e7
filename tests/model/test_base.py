"""Base models are found, loaded and recognised; what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.errors import BaseModelMismatch, ModelNotFound, UnsupportedModel, UsageError
from wisedb.model.base import describe, load_base, verify


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
