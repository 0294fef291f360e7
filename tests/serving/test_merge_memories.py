"""The merge of several memories: fitted on all edits, once, and what the source has where that is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

import wisedb
from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN, SUM
from wisedb.editors.keyed import editor
from wisedb.memory.hooks import handle_of
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.memory import Memory
from wisedb.model.locate import locate, weight_of
from wisedb.repository import Repository
from wisedb.serving.assemble import select_memories
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.merge_memories import merge_by_ties

EDITS = [AUSTRALIA, HAMLET, SUM, SPAIN]
SAID = ["Paris", "France", "Hamlet", "play"]
PROMPTS = [edit.prompt for edit in EDITS]


@pytest.fixture
def several(new_repository: Callable[..., Repository]) -> Repository:
    repository = new_repository("several", steps=60, fit_merge=True)
    repository.commit(EDITS, "four")
    return repository


def _memories(repository: Repository) -> list[Memory]:
    return read_memories(repository.store.objects, repository.store.head_commit()[1].memories)


def _dense(memories: list[Memory]) -> torch.Tensor:
    (memory,) = memories
    assert isinstance(memory.change, MaskedDelta)
    return memory.change.dense()


def _merge(repository: Repository) -> torch.Tensor:
    commit, memories = repository.store.head_commit()[1], _memories(repository)
    assert len(memories) > 1
    return _dense(select_memories(repository.store, repository.base, commit, memories, "merge"))


def test_a_fitted_merge_says_what_all_memories_say(several: Repository) -> None:
    answers = several.generate(PROMPTS, mode="merge")
    assert [answer.text for answer in answers] == SAID
    assert all(answer.memory == "merged" for answer in answers)


def test_it_goes_beyond_ties_and_only_where_that_is_asked_for(
    several: Repository, new_repository: Callable[..., Repository]
) -> None:
    ties = _dense(merge_by_ties(several.store.head_commit()[1], _memories(several)))
    assert not torch.equal(_merge(several), ties)
    plain = new_repository("plain", steps=60)
    plain.commit(EDITS, "four")
    assert torch.equal(_merge(plain), ties)


def test_an_adapter_merges_as_its_memories_owner_does(
    new_repository: Callable[..., Repository], tmp_path: Path
) -> None:
    repository = new_repository("sparse", steps=60, density=0.1)
    repository.commit(EDITS, "four")
    expected = _merge(repository)
    for form in ("adapter", "peft"):
        folder = repository.export("HEAD", tmp_path / form, form).path
        handle = handle_of(wisedb.load(str(folder), mode="merge")[0])
        assert handle is not None and torch.equal(_dense(list(handle.memories)), expected)
    # Adapters of earlier versions don't say it: they merge as the source does.
    document = json.loads((tmp_path / "adapter" / "adapter.json").read_text())
    document["merged"] = None
    (tmp_path / "adapter" / "adapter.json").write_text(json.dumps(document))
    handle = handle_of(wisedb.load(str(tmp_path / "adapter"), mode="merge")[0])
    assert handle is not None
    ties = _dense(merge_by_ties(repository.store.head_commit()[1], _memories(repository)))
    assert torch.equal(_dense(list(handle.memories)), ties) and not torch.equal(ties, expected)


def test_it_is_fitted_once_and_is_the_same_each_time(
    several: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = _merge(several)
    with monkeypatch.context() as patch:
        patch.setattr(editor, "fit_merge", lambda *_args: pytest.fail("fitted again"))
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
    plain = AutoModelForCausalLM.from_pretrained(several.export("HEAD", tmp_path / "plain", "merged", force=True).path)
    place = str(several.store.config.editor.target)
    assert torch.equal(weight_of(locate(merged, place)), weight_of(locate(plain, place)))


def test_a_single_memory_is_its_own_merge_in_a_folder_too(
    new_repository: Callable[..., Repository], tmp_path: Path
) -> None:
    repository = new_repository("single", steps=60, fit_merge=True, mask_ratio=0.9)
    repository.commit([AUSTRALIA], "one")
    commit, memories = repository.store.head_commit()[1], _memories(repository)
    merged = select_memories(repository.store, repository.base, commit, memories, "merge")
    assert torch.equal(_dense(merged), _dense(memories))
    model, tokenizer = wisedb.load(repository.export("HEAD", tmp_path / "one", "adapter").path, mode="merge")
    expected, _ = repository.load(mode="merge")
    ids = tokenizer(AUSTRALIA.prompt, return_tensors="pt")
    assert torch.equal(model(**ids).logits, expected(**ids).logits)


def test_a_loaded_model_is_moved_to_a_merge_and_back(several: Repository) -> None:
    several.commit([NEWER], "newer")
    model, _ = several.load("HEAD~1", mode="merge")
    first = handle_of(model)
    assert first is not None
    before = _dense(list(first.memories))
    several.switch(model, "HEAD")
    handle = handle_of(model)
    assert handle is not None and not torch.equal(_dense(list(handle.memories)), before)
    several.switch(model, "HEAD~1")
    handle = handle_of(model)
    assert handle is not None and torch.equal(_dense(list(handle.memories)), before)


def test_one_memory_is_its_own_merge_untrimmed(new_repository: Callable[..., Repository]) -> None:
    repository = new_repository("one", shard_capacity=9, fit_merge=True)
    repository.commit(EDITS[:2], "two")
    commit, memories = repository.store.head_commit()[1], _memories(repository)
    assert select_memories(repository.store, repository.base, commit, memories, "merge") == memories
    assert merge_by_ties(commit, memories) == memories
