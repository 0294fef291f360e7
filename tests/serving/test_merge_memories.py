"""The merge of several memories: fitted on all edits, once, and what the source has where that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

import wisedb
from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN, SUM
from wisedb.memory.hooks import handle_of
from wisedb.model.locate import locate, weight_of
from wisedb.repository import Repository
from wisedb.serving import merge_memories as consolidate
from wisedb.serving.assemble import answering, fitted
from wisedb.serving.memory_codec import read_memories

EDITS = [AUSTRALIA, HAMLET, SUM, SPAIN]
SAID = ["Paris", "France", "Hamlet", "play"]
PROMPTS = [edit.prompt for edit in EDITS]


@pytest.fixture
def several(new_repository: Callable[..., Repository]) -> Repository:
    repository = new_repository("several", steps=60, fit_merge=True)
    repository.commit(EDITS, "four")
    return repository


def _merge(repository: Repository) -> torch.Tensor:
    commit = repository.store.head_commit()[1]
    memories = read_memories(repository.store.objects, commit.memories)
    assert len(memories) > 1
    return fitted(repository.store, repository.base, commit, memories, "merge")[0].dense()


def _merge_of_one(repository: Repository) -> torch.Tensor:
    commit = repository.store.head_commit()[1]
    memories = read_memories(repository.store.objects, commit.memories)
    return fitted(repository.store, repository.base, commit, memories, "merge")[0].dense()


def test_a_fitted_merge_says_what_all_memories_say(several: Repository) -> None:
    answers = several.generate(PROMPTS, mode="merge")
    assert [answer.text for answer in answers] == SAID
    assert all(answer.memory == "merged" for answer in answers)


def test_it_goes_beyond_ties_and_only_where_that_is_asked_for(
    several: Repository, new_repository: Callable[..., Repository]
) -> None:
    commit = several.store.head_commit()[1]
    (ties,) = answering(commit, read_memories(several.store.objects, commit.memories), "merge")
    assert not torch.equal(_merge(several), ties.dense())
    plain = new_repository("plain", steps=60)
    plain.commit(EDITS, "four")
    assert torch.equal(_merge(plain), ties.dense())


def test_it_is_fitted_once_and_is_the_same_each_time(
    several: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = _merge(several)
    with monkeypatch.context() as patch:
        patch.setattr(consolidate, "_fitted", lambda *_args: pytest.fail("fitted again"))
        assert torch.equal(_merge(several), first)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert torch.equal(_merge(several), first)


@pytest.mark.parametrize("layout", ["adapter", "peft"])
def test_a_folder_without_edits_holds_the_fitted_merge(several: Repository, tmp_path: Path, layout: str) -> None:
    made = several.export("HEAD", tmp_path / "one", layout, mode="merge")
    assert "4 edited facts" in (made.path / "README.md").read_text()
    expected, tokenizer = several.load(mode="merge")
    ids = tokenizer([*PROMPTS, "Something else"], return_tensors="pt", padding=True)
    for mode in ("merge", "retrieve"):
        model, _ = wisedb.load(made.path, mode=mode)
        assert torch.equal(model(**ids).logits, expected(**ids).logits)
    handle = handle_of(model)
    assert handle is not None and len(handle.memories) == 1 and handle.router == "keys"


def test_peft_writes_the_fitted_merge_into_the_weight(several: Repository, tmp_path: Path) -> None:
    made = several.export("HEAD", tmp_path / "one", "peft", mode="merge")
    base = AutoModelForCausalLM.from_pretrained(several.base.path)
    merged = PeftModel.from_pretrained(base, made.path).merge_and_unload()
    plain = AutoModelForCausalLM.from_pretrained(several.export("HEAD", tmp_path / "plain", "merged").path)
    place = several.store.config.base.target
    assert torch.equal(weight_of(locate(merged, place)), weight_of(locate(plain, place)))


def test_a_single_memory_is_its_own_merge_in_a_folder_too(
    new_repository: Callable[..., Repository], tmp_path: Path
) -> None:
    repository = new_repository("single", steps=60, fit_merge=True, mask_ratio=0.9)
    repository.commit([AUSTRALIA], "one")
    commit = repository.store.head_commit()[1]
    (memory,) = read_memories(repository.store.objects, commit.memories)
    assert torch.equal(_merge_of_one(repository), memory.dense())
    model, tokenizer = wisedb.load(repository.export("HEAD", tmp_path / "one", "adapter").path, mode="merge")
    expected, _ = repository.load(mode="merge")
    ids = tokenizer(AUSTRALIA.prompt, return_tensors="pt")
    assert torch.equal(model(**ids).logits, expected(**ids).logits)


def test_a_loaded_model_is_moved_to_a_merge_and_back(several: Repository) -> None:
    several.commit([NEWER], "newer")
    model, _ = several.load("HEAD~1", mode="merge")
    first = handle_of(model)
    assert first is not None
    before = first.memories[0].values
    several.switch(model, "HEAD")
    handle = handle_of(model)
    assert handle is not None and not torch.equal(handle.memories[0].dense(), first.memories[0].dense())
    several.switch(model, "HEAD~1")
    handle = handle_of(model)
    assert handle is not None and torch.equal(handle.memories[0].values, before)


def test_one_memory_is_its_own_merge_untrimmed(new_repository: Callable[..., Repository]) -> None:
    repository = new_repository("one", shard_capacity=9, fit_merge=True)
    repository.commit(EDITS[:2], "two")
    commit = repository.store.head_commit()[1]
    (memory,) = read_memories(repository.store.objects, commit.memories)
    (merged,) = fitted(repository.store, repository.base, commit, [memory], "merge")
    assert torch.equal(merged.dense(), memory.dense()) and merged.id == "merged"


def test_a_checkpoint_holds_the_fitted_merge(several: Repository, tmp_path: Path) -> None:
    folder = several.export("HEAD", tmp_path / "merged", "merged").path
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    target = several.store.config.base.target
    base = weight_of(locate(several.base.model, target)).float()
    written = weight_of(locate(loaded, target)).float()
    assert torch.allclose(written - base, _merge(several).float(), atol=1e-3)
