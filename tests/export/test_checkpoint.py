"""A plain checkpoint holds what it says, and says what it costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from wisedb.errors import TooCostly
from wisedb.export import checkpoint
from wisedb.export.cost import Cost
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.model.locate import locate, weight_of
from wisedb.progress import Progress
from wisedb.repository import Repository
from wisedb.serving.assemble import select_memories
from wisedb.serving.memory_codec import read_memories


def test_a_merged_checkpoint_is_plain_and_holds_the_merge(history: Repository, tmp_path: Path) -> None:
    made = history.export("HEAD", tmp_path / "out", "merged", force=True)
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
    made = history.export("HEAD~2", tmp_path / "out", "merged", force=True)
    with (
        safe_open(made.path / "model.safetensors", "pt") as one,
        safe_open(history.base.path / "model.safetensors", "pt") as other,
    ):
        assert set(one.keys()) == set(other.keys())
        assert all(torch.equal(one.get_tensor(name), other.get_tensor(name)) for name in one.keys())  # noqa: SIM118


def test_what_costs_too_much_is_refused_and_nothing_is_written(
    history: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Cost(1.0, 0.88, 3, 50)
    monkeypatch.setattr(checkpoint, "measure_cost", lambda *_: found)
    with pytest.raises(TooCostly, match="only 88% of 50 unrelated prompts") as refused:
        history.export("HEAD", tmp_path / "out")
    assert "--force" in refused.value.hint and not list(tmp_path.iterdir())
    made = history.export("HEAD", tmp_path / "out", force=True)
    assert made.cost == found and made.to_json()["agreement"] == 0.88
    assert "88.0%" in (made.path / "README.md").read_text()
    written = json.loads((made.path / "wisedb-export.json").read_text())
    assert (written["reliability"], written["agreement"]) == (1.0, 0.88)
    found = replace(found, agreement=0.9)
    assert history.export("HEAD", tmp_path / "again").cost == found
    found = replace(found, agreement=None)
    assert history.export("HEAD", tmp_path / "third").to_json()["agreement"] is None


def test_it_is_told(history: Repository, tmp_path: Path) -> None:
    heard: list[Progress] = []
    history.export("HEAD", tmp_path / "out", "merged", progress=heard.append, force=True)
    assert heard[-1] == Progress("measuring", 1, 1)
