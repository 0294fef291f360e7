"""A loaded model is an ordinary one that knows the edits, and moves between commits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from tests.models import tiny_model
from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.errors import BaseModelMismatch, UnknownRevision, UsageError, WisedbWarning
from wisedb.memory.hooks import handle_of
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.merging import MERGED
from wisedb.repository import Repository
from wisedb.serving.load import state_of
from wisedb.store.blobs import Blob
from wisedb.store.objects import Objects


def test_the_model_is_of_its_own_class_with_the_base_names(history: Repository) -> None:
    model, tokenizer = history.load()
    assert type(model) is LlamaForCausalLM
    assert list(model.state_dict()) == list(history.base.model.state_dict())
    ids = tokenizer(AUSTRALIA.prompt, return_tensors="pt")
    answer = model.generate(**ids, max_new_tokens=8, do_sample=False)[0, ids["input_ids"].shape[1] :]
    assert tokenizer.decode(answer, skip_special_tokens=True).strip() == "Paris"


def test_a_state_without_memories_is_the_plain_base(history: Repository) -> None:
    model, tokenizer = history.load("HEAD~2")
    assert handle_of(model) is None
    ids = tokenizer("The play", return_tensors="pt")
    assert torch.equal(model(**ids).logits, history.base.model(**ids).logits)


def test_a_switch_reads_only_what_differs(history: Repository) -> None:
    model, tokenizer = history.load("HEAD~1")
    fresh, _ = history.load("HEAD")
    before = state_of(model)
    assert history.switch(model, "HEAD") is model
    after = state_of(model)
    assert before is not None and after is not None and after.commit == history.store.resolve("HEAD")
    kept = set(before.memories) & set(after.memories)
    assert all(after.memories[main] is before.memories[main] for main in kept)
    ids = tokenizer([AUSTRALIA.prompt, HAMLET.prompt, SUM.prompt], return_tensors="pt", padding=True)
    with torch.no_grad():
        assert torch.equal(model(**ids).logits, fresh(**ids).logits)


def test_a_switch_reads_the_blobs_that_differ_and_no_others(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit([AUSTRALIA, HAMLET], "a full memory")
    repository.commit([SUM], "another one")
    model, _ = repository.load("HEAD~1")
    handle = handle_of(model)
    assert handle is not None
    read, made = list[str](), list[MaskedDelta]()
    get, dense = Objects.get, MaskedDelta.dense

    def reading(objects: Objects, blob_id: str) -> Blob:
        read.append(blob_id)
        return get(objects, blob_id)

    def making(change: MaskedDelta, *place: Any) -> torch.Tensor:
        made.append(change)
        return dense(change, *place)

    monkeypatch.setattr(Objects, "get", reading)
    monkeypatch.setattr(MaskedDelta, "dense", making)
    repository.switch(model, "HEAD")
    before, after = (repository.store.objects.commit(repository.store.resolve(rev)) for rev in ("HEAD~1", "HEAD"))
    known = {entry.main for entry in before.memories}
    differing = [entry for entry in after.memories if entry.main not in known]
    assert differing and known & {entry.main for entry in after.memories}
    assert sorted(read) == sorted(blob_id for entry in differing for blob_id in entry.blobs.values())
    # Nor is a matrix made again that was there.
    state = state_of(model)
    assert state is not None and made == [state.memories[entry.main].change for entry in differing]
    assert handle_of(model) is handle
    read.clear()
    repository.switch(model, "HEAD")
    assert read == []


def test_a_switch_to_the_beginning_and_to_another_mode(history: Repository) -> None:
    model, tokenizer = history.load()
    history.switch(model, "HEAD~2")
    assert handle_of(model) is None
    ids = tokenizer(SUM.prompt, return_tensors="pt")
    with torch.no_grad():
        assert torch.equal(model(**ids).logits, history.base.model(**ids).logits)
        history.switch(model, "HEAD", "merge")
        merged, _ = history.load(mode="merge")
        assert torch.equal(model(**ids).logits, merged(**ids).logits)
    handle = handle_of(model)
    assert handle is not None and [memory.id for memory in handle.memories] == [MERGED]


def test_what_can_not_be_loaded_says_so(history: Repository) -> None:
    with pytest.raises(UnknownRevision):
        history.load("nowhere")
    with pytest.raises(UsageError):
        history.load(mode="blend")
    with pytest.raises(UsageError):
        history.switch(tiny_model("llama"), "HEAD")


def test_another_model_in_the_same_place_is_refused(repository: Repository) -> None:
    config = repository.base.path / "config.json"
    content = config.read_text()
    try:
        # What changes no answer doesn't matter.
        config.write_text(content + " ")
        repository.load()
        config.write_text(json.dumps({**json.loads(content), "rms_norm_eps": 0.5}))
        with pytest.raises(BaseModelMismatch, match="rms_norm_eps"):
            repository.load()
    finally:
        config.write_text(content)


def test_arguments_reach_the_model(history: Repository) -> None:
    model, _ = history.load(dtype=torch.bfloat16)
    assert model.dtype == torch.bfloat16


def test_saving_a_model_with_memories_says_what_is_not_saved(history: Repository, tmp_path: Path) -> None:
    model, _ = history.load()
    with pytest.warns(WisedbWarning, match="wisedb export"):
        model.save_pretrained(tmp_path / "saved")
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert all(torch.equal(saved.state_dict()[name], value) for name, value in model.state_dict().items())
    plain, _ = history.load("HEAD~2")
    plain.save_pretrained(tmp_path / "plain")


def test_the_tokenizer_pads_for_generation(history: Repository) -> None:
    model, tokenizer = history.load()
    prompts = [AUSTRALIA.prompt, "12 + 30 ="]
    said = model.generate(**tokenizer(prompts, return_tensors="pt", padding=True), max_new_tokens=4, do_sample=False)
    for prompt, row in zip(prompts, said, strict=True):
        alone = model.generate(**tokenizer(prompt, return_tensors="pt"), max_new_tokens=4, do_sample=False)[0]
        assert row[-4:].tolist() == alone[-4:].tolist()
