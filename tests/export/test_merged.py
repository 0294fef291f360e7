"""What is exported works without the store, and says what it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

import wisedb
from tests.export.logits import logits_of
from tests.models import tiny_tokenizer
from tests.stores import SETTINGS, SUM
from wisedb.errors import InputError, NotAStore, UnknownRemote, UnknownRevision, UsageError
from wisedb.repository import Repository


def test_a_folder_with_a_store_is_loaded_at_a_revision(history: Repository) -> None:
    model, tokenizer = wisedb.load(history.path, "HEAD~1")
    expected, _ = history.load("HEAD~1")
    assert torch.equal(logits_of(model, tokenizer, SUM.prompt), logits_of(expected, tokenizer, SUM.prompt))
    again, _ = wisedb.load(history.path / ".wisedb")
    assert not torch.equal(logits_of(again, tokenizer, SUM.prompt), logits_of(expected, tokenizer, SUM.prompt))


def test_what_can_not_be_exported(history: Repository, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    with pytest.raises(InputError):
        history.export("HEAD", tmp_path / "full", "merged")
    with pytest.raises(UsageError):
        history.export("HEAD", tmp_path / "out", "merged", mode="merge")
    with pytest.raises(UsageError):
        history.export("HEAD", tmp_path / "out", "peft", mode="base")
    with pytest.raises(UsageError):
        history.export("HEAD", tmp_path / "out", "adapter", mode="both")
    with pytest.raises(InputError):
        history.export("HEAD~2", tmp_path / "out", "peft")
    with pytest.raises(UsageError):
        history.export("HEAD", tmp_path / "out", "zip")
    with pytest.raises(UnknownRevision):
        history.export("nowhere", tmp_path / "out", "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    assert (tmp_path / "full" / "file").read_text() == "mine"


def test_what_can_not_be_loaded(history: Repository, tmp_path: Path) -> None:
    with pytest.raises(NotAStore):
        wisedb.load(tmp_path)
    with pytest.raises(UnknownRemote):
        wisedb.load("someone's facts")
    made = history.export("HEAD", tmp_path / "out", "adapter")
    with pytest.raises(UsageError):
        wisedb.load(made.path, "HEAD")


@pytest.mark.parametrize("format", ["merged", "adapter", "peft"])
def test_exported_files_have_the_modes_of_new_files(history: Repository, tmp_path: Path, format: str) -> None:
    (tmp_path / "new").touch()
    made = history.export("HEAD", tmp_path / "out", format, force=format == "merged")
    assert {path.stat().st_mode for path in made.path.rglob("*") if path.is_file()} == {
        (tmp_path / "new").stat().st_mode
    }


@pytest.mark.parametrize("format", ["merged", "peft"])
def test_an_exported_tokenizer_is_the_one_that_was_there(model_folder: Path, tmp_path: Path, format: str) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    tokenizer = tiny_tokenizer(padding_side="right")
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    made = Repository.init(tmp_path / "store", str(folder), settings=SETTINGS)
    made.commit([SUM], "First")
    assert made.base.tokenizer.pad_token == "</s>" and made.load()[1].padding_side == "left"
    saved = AutoTokenizer.from_pretrained(made.export("HEAD", tmp_path / "out", format, force=format == "merged").path)
    assert (saved.pad_token, saved.padding_side) == (None, "right")
    assert saved("12 + 30 =")["input_ids"] == made.base.tokenizer("12 + 30 =")["input_ids"]
