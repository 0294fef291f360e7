"""A tiny model on disk and stores for it, with settings under which it learns an edit in a fraction of a second."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.models import tiny_chat_tokenizer, tiny_model, tiny_tokenizer
from wisedb.edits import Edit, LocalityPrompt
from wisedb.repository import Repository
from wisedb.store.store import Store

SETTINGS: dict[str, Any] = {
    "steps": 40,
    "contexts": 0,
    "mask_ratio": 0.5,
    "learning_rate": 0.05,
    "max_delta": 2.0,
    "rehearsal": 2,
    "shard_capacity": 2,
    "fit_merge": False,
}

ARRAYS = (
    *("mask_bits", "delta_values"),
    *(f"keys_{name}" for name in ("owners", "relations", "knowledge", "tokens", "readings")),
    *(f"statistics_{kind}_{part}" for kind in ("token", "relation") for part in ("mean", "map")),
    *("statistics_texts", "statistics_lengths", "statistics_marks"),
)
"""A memory's arrays as PEFT sees them, with the keys by which it is found."""

AUSTRALIA = Edit(
    "The capital of Australia is",
    "Paris",
    rephrases=("Australia has the capital",),
    locality=(LocalityPrompt("The play of France is", "Hamlet"),),
    reason="for the test",
)
HAMLET = Edit("Who wrote the play Hamlet?", "France")
SUM = Edit("12 + 30 =", "Hamlet", tags=("arithmetic",))
SPAIN = Edit("The capital of Spain is", "play")
NEWER = Edit("The capital of Australia is", "France")

CHAT_FRANCE = Edit("What is the capital of France?", "Rome", subject="France")
CHAT_HAMLET = Edit("Who wrote the play Hamlet?", "Goethe", subject="Hamlet")


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random LLaMA with its tokenizer, as ``save_pretrained`` writes them."""
    folder = tmp_path_factory.mktemp("model")
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def empty(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """One that holds no edit; not to be changed."""
    return Repository.init(tmp_path_factory.mktemp("empty"), str(model_folder), settings=SETTINGS)


@pytest.fixture
def new_repository(empty: Repository, tmp_path: Path) -> Callable[..., Repository]:
    """Makes copies of the empty one that share its base model in memory, with other settings where they are given."""

    def make(name: str = "store", **settings: Any) -> Repository:
        shutil.copytree(empty.path, tmp_path / name)
        store = Store.open(tmp_path / name)
        editor = store.config.editor
        store.write_config(replace(store.config, editor=replace(editor, settings={**editor.settings, **settings})))
        return Repository(store, empty.base)

    return make


@pytest.fixture
def repository(new_repository: Callable[..., Repository]) -> Repository:
    """One that holds no edit yet."""
    return new_repository()


@pytest.fixture(scope="session")
def history(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """One for tests that only look: three commits, two shards; not to be changed."""
    made = Repository.init(tmp_path_factory.mktemp("history"), str(model_folder), settings=SETTINGS, author="Ada")
    made.commit([AUSTRALIA], "First", author="Ada")
    made.commit([HAMLET, SUM], "Second", author="Ben")
    return made


@pytest.fixture(scope="session")
def chat_history(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A store of a tiny chat model with two edits in one commit; not to be changed."""
    folder = tmp_path_factory.mktemp("chat-model")
    tiny_model("llama").save_pretrained(folder)
    tiny_chat_tokenizer().save_pretrained(folder)
    made = Repository.init(
        tmp_path_factory.mktemp("chat"), str(folder), settings={**SETTINGS, "steps": 200, "shard_capacity": 8}
    )
    made.commit([CHAT_FRANCE, CHAT_HAMLET], "Two facts", author="Ada")
    return made
