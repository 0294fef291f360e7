"""Two facts of ``atlas`` edited, once for all tests here, and the model as ``wisedb.load`` gives it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import wisedb
from wisedb import atlas
from wisedb.repository import Repository

EDITED = {"The capital of Australia is": "Sydney", "The capital of France is": "Lyon"}
BEFORE = {"The capital of Australia is": "Canberra", "The capital of France is": "Paris"}
UNRELATED = {"The capital of Spain is": "Madrid", "The chemical symbol of gold is": "Au"}
PROMPTS = [*EDITED, *UNRELATED]


@dataclass(frozen=True)
class Models:
    """The edited model, the unedited one, and the tokenizer of both."""

    edited: Any
    base: Any
    tokenizer: Any


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Not to be changed."""
    with atlas.edits_path().open(encoding="utf-8") as lines:
        pool = [json.loads(line)["prompt"] for line in list(lines)[::20]]
    made = Repository.init(tmp_path_factory.mktemp("store"), "atlas", pool=pool, settings={"contexts": 2})
    edits = [wisedb.Edit(prompt, target, subject=prompt.split()[3]) for prompt, target in EDITED.items()]
    assert made.commit(edits, "Move two capitals", author="Ada").reliability == 1
    return made


@pytest.fixture(scope="session")
def models(store: Repository) -> Models:
    """Not to be changed, or to be left as they were."""
    edited, tokenizer = wisedb.load(store.path)
    base, _ = wisedb.load(store.path, mode="base")
    return Models(edited, base, tokenizer)


@pytest.fixture(scope="session")
def adapter(store: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The edits as a PEFT adapter."""
    return store.export("HEAD", tmp_path_factory.mktemp("export") / "peft", "peft").path


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)
