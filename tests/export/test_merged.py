"""What is exported works without the store, and says what it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

import wisedb
from tests.export.logits import logits_of
from tests.models import tiny_tokenizer
from tests.stores import SETTINGS, SUM
from wisedb.errors import InputError, NotAStore, UnknownRemote, UnknownRevision, UsageError
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.model.locate import locate, weight_of
from wisedb.repository import Repository
from wisedb.serving.assemble import select_memories
from wisedb.serving.memory_codec import read_memories


def test_a_merged_checkpoint_is_plain_and_holds_the_merge(history: Repository, tmp_path: Path) -> None:
    made = history.export("HEAD", tmp_path / "out", "merged")
    assert made.path == tmp_path / "out" and made.format == "merged"
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md"} <= set(made.files)
    assert made.bytes == sum(path.stat().st_size for path in made.path.rglob("*") if path.is_file())
    plain = AutoModelForCausalLM.from_pretrained(made.path)
    AutoTokenizer.from_pretrained(made.path)
    commit = history.store.head_commit()[1]
    memories = read_memories(history.store.objects, commit.memories)
    (merged,) = select_memories(history.store, history.base, commit, memories, "merge")
    (module,) = merged.modules
    before, after = (weight_of(locate(model, module)) for model in (history.base.model, plain))
    assert isinstance(merged.change, MaskedDelta) and torch.equal(after, before + merged.change.dense().float())
    assert "always on" in (made.path / "README.md").read_text()


def test_the_merged_checkpoint_of_a_state_without_edits_is_the_base(history: Repository, tmp_path: Path) -> None:
    made = history.export("HEAD~2", tmp_path / "out", "merged")
    with (
        safe_open(made.path / "model.safetensors", "pt") as one,
        safe_open(history.base.path / "model.safetensors", "pt") as other,
    ):
        assert set(one.keys()) == set(other.keys())
        assert all(torch.equal(one.get_tensor(name), other.get_tensor(name)) for name in one.keys())  # noqa: SIM118


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
    made = history.export("HEAD", tmp_path / "out", format)
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
    saved = AutoTokenizer.from_pretrained(made.export("HEAD", tmp_path / "out", format).path)
    assert (saved.pad_token, saved.padding_side) == (None, "right")
    assert saved("12 + 30 =")["input_ids"] == made.base.tokenizer("12 + 30 =")["input_ids"]
