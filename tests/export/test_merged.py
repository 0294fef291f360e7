"""What is exported works without the store, and says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

import wisedb
from tests.export.logits import logits_of
from tests.stores import SUM
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
