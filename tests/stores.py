"""A tiny model on disk and stores for it, with settings under which it learns an edit in a fraction of a second."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Hashable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.models import tiny_model, tiny_tokenizer
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
    *(f"keys_{name}" for name in ("owners", "relations", "knowledge", "tokens", "readings", "typed")),
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


class Shelf:
    """Stores that are made once a session, under names that say how; tests get copies to go on from.

    Copies share the base model in memory: every verb leaves it as it was.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[Hashable, Repository] = {}
        self._numbers = count()

    def copy(self, name: Hashable, make: Callable[[Path], Repository], path: Path) -> Repository:
        """Put a copy of the store of that name into ``path``; ``make`` makes it where it is asked for first."""
        if name not in self._made:
            self._made[name] = make(self._folder / str(next(self._numbers)))
        made = self._made[name]
        shutil.copytree(made.path, path)
        return Repository(Store.open(path), made.base)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


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


def copy_of(source: Repository, folder: Path) -> Repository:
    """A repository's store copied to a folder, with its base model."""
    shutil.copytree(source.path, folder)
    return Repository(Repository.open(folder).store, source.base)
