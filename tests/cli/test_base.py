"""The base model moves, or another one takes its place: each way out works, and nothing is taken in silence."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from transformers.utils.logging import disable_progress_bar

from tests.models import tiny_model
from wisedb.model.fingerprint import tokenizer_digest
from wisedb.repository import Repository
from wisedb.store.store import Store

from .conftest import answer, inside


@pytest.fixture
def model(model_folder: Path, tmp_path: Path) -> Path:
    """A base model of one's own, to be moved."""
    disable_progress_bar()  # in this process another test may have loaded transformers before the command line could
    return shutil.copytree(model_folder, tmp_path / "models" / "tiny")


@pytest.fixture
def store(history: Repository, model: Path, tmp_path: Path) -> Path:
    """A store for it with two commits of edits."""
    shutil.copytree(history.path, tmp_path / "store")
    _config(tmp_path / "store", lambda it: it["base"].update(model=str(model)))
    return tmp_path / "store"


def _config(store: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = store / ".wisedb" / "config.toml"
    record = tomllib.loads(file.read_text())
    change(record)
    file.write_text(tomli_w.dumps(record))


def _theta(model: Path, value: float) -> None:
    config = json.loads((model / "config.json").read_text())
    config["rope_parameters"]["rope_theta"] = value
    (model / "config.json").write_text(json.dumps(config))


def _says(store: Path, *before: str, **more: Any) -> str:
    found = answer(*before, "generate", "The capital of Australia is", cwd=store, **more)
    return str(found[0]["text"])


def _refused(*words: str | Path, cwd: Path, **more: str) -> dict[str, str]:
    done = inside(*words, "--json", cwd=cwd, **more)
    assert (done.returncode, done.stdout) == (1, ""), done.stdout
    return dict(json.loads(done.stderr)["error"])


def test_a_base_that_moved_is_found_again(store: Path, model: Path) -> None:
    said = _says(store)
    elsewhere = model.rename(model.parent / "elsewhere")
    told = _refused("generate", "The capital of Australia is", cwd=store)
    assert told["kind"] == "model-not-found" and "wisedb base set" in told["hint"]
    assert _says(store, "--base", str(elsewhere)) == said
    assert _says(store, WISEDB_BASE=str(elsewhere)) == said
    told = answer("explain", "The capital of Australia is", "--base", elsewhere, cwd=store)
    assert told["routed"]
    assert _refused("explain", "The capital", "--base", store / "none", cwd=store)["kind"] == "model-not-found"
    made = answer("base", "set", "../models/elsewhere", cwd=store)
    assert made["model"] == str(elsewhere) and made["differences"] == []
    assert _says(store) == said


def test_another_base_is_refused_field_by_field_and_taken_if_accepted(store: Path, model: Path) -> None:
    before = Store.open(store).config.base
    _theta(model, 100.0)
    told = _refused("generate", "The capital of Australia is", cwd=store)
    assert told["kind"] == "base-model-mismatch" and "rope_theta: 10000 → 100" in told["message"]
    told = _refused("base", "set", model, cwd=store)
    assert "rope_theta" in told["message"] and "--accept" in told["hint"]
    made = answer("base", "set", model, "--accept", cwd=store)
    assert made["differences"] == [{"field": "config.rope_parameters.rope_theta", "was": 10000, "is": 100}]
    assert made["fingerprint"] != before.fingerprint
    _says(store)
    # What was made for the one before still belongs here, and later commits name the present one.
    config = Store.open(store).config
    assert config.fits(before) and config.fits(config.base)
    answer("branch", "side", "HEAD~1", cwd=store)
    answer("edit", "Iron has the symbol", "Fe", cwd=store)
    answer("commit", "-m", "more", "--set", "steps=2", cwd=store)
    assert answer("show", "HEAD", cwd=store)["base"]["fingerprint"] == made["fingerprint"]
    assert answer("merge", "side", cwd=store)["conflicts"] == []


def test_a_base_of_another_architecture_is_refused_though_accepted(store: Path, model: Path) -> None:
    tiny_model("llama", intermediate_size=48).save_pretrained(model)
    assert "memory" in _refused("base", "set", model, "--accept", cwd=store)["message"]


def test_a_chat_template_more_is_told_and_taken(store: Path, model: Path) -> None:
    (model / "chat_template.jinja").write_text("{{ messages }}")
    _says(store)
    made = answer("base", "set", model, cwd=store)
    assert [each["field"] for each in made["differences"]] == ["rest.chat_template"]


def test_where_a_folder_lies_is_in_no_commit(store: Path, model: Path, tmp_path: Path) -> None:
    answer("edit", "Iron has the symbol", "Fe", cwd=store)
    answer("commit", "-m", "iron", "--set", "steps=2", cwd=store)
    assert answer("show", "HEAD", cwd=store)["base"]["model"] == "./tiny"
    answer("push", tmp_path / "pack", cwd=store)
    texts = [file.read_bytes() for file in (tmp_path / "pack").rglob("*") if file.is_file()]
    assert not any(str(model.parent).encode() in text for text in texts)
    answer("clone", tmp_path / "pack", tmp_path / "clone", "--model", model, cwd=tmp_path)
    assert _says(tmp_path / "clone") == _says(store)


def test_a_store_of_an_earlier_version_opens_and_goes_on(store: Path, model: Path) -> None:
    def as_before(record: dict[str, Any]) -> None:
        base = record["base"]
        del base["function"]
        base["tokenizer"] = tokenizer_digest(model)
        base["fingerprint"] = f"{base['weights'][:16]}-{base['tokenizer'][:16]}"

    _config(store, as_before)
    _says(store)
    answer("edit", "Iron has the symbol", "Fe", cwd=store)
    answer("commit", "-m", "iron", "--set", "steps=2", cwd=store)
    assert "function" not in answer("show", "HEAD", cwd=store)["base"]
    assert answer("fsck", cwd=store)["ok"]
