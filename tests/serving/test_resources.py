"""Shared resources: made once, remembered, named by what was trained with them, the same whatever was there before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN
from wisedb.config import POOL
from wisedb.editors.common.pool import POOL as POOL_RESOURCE
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.train import train_stream
from wisedb.editors.resources import Resource, Resources
from wisedb.memory.kinds.base import Part
from wisedb.model.base import Derived, LoadedBase
from wisedb.repository import Repository
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.resources import StoreResources

MODULE = "model.layers.1.mlp.down_proj"


def _resources(repository: Repository, named: dict[str, str] | None = None, base: LoadedBase | None = None) -> Any:
    store = repository.store
    pending = PendingBlobs(store.objects)
    found = StoreResources(base or repository.base, store.config.base, pending, named or store.config.editor.resources)
    return found, pending


def _fresh(repository: Repository) -> LoadedBase:
    """The same model, of which nothing is derived yet."""
    return replace(repository.base, derived=Derived())


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache folder with nothing in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _counting() -> tuple[list[str], Resource[float], Resource[float]]:
    """(what was made, a resource of a module, one that needs it)."""
    made: list[str] = []

    def inner(base: LoadedBase, resources: Resources, module: str) -> Part:
        made.append(f"inner {module}")
        return Part({}, {"values": torch.tensor([float(len(resources.get(POOL_RESOURCE).prompts))])})

    def outer(base: LoadedBase, resources: Resources, module: str) -> Part:
        made.append(f"outer {module}")
        return Part({}, {"values": torch.tensor([2 * resources.get(below, module)])})

    def read(part: Part) -> float:
        return float(part.tensors["values"][0])

    below, above = Resource("test_inner", inner, read), Resource("test_outer", outer, read)
    return made, below, above


@pytest.mark.usefixtures("alone")
def test_it_is_made_once_and_remembered_from_store_to_store(repository: Repository) -> None:
    made, below, _ = _counting()
    base = _fresh(repository)
    first, pending = _resources(repository, base=base)
    prompts = len(repository.store.objects.get(repository.store.config.editor.pool or "").meta["prompts"])
    assert first.get(below, MODULE) == prompts and first.get(below, MODULE) == prompts
    assert made == [f"inner {MODULE}"] and set(pending.blobs) == {first.blob(below, MODULE)}
    # In the same process by the model, in the next one by the cache folder.
    for again in (base, _fresh(repository)):
        other, pending = _resources(repository, base=again)
        assert other.get(below, MODULE) == prompts and set(pending.blobs) == {first.blob(below, MODULE)}
    assert made == [f"inner {MODULE}"]
    first.get(below, "model.layers.0.mlp.down_proj")
    assert made[1:] == ["inner model.layers.0.mlp.down_proj"]


@pytest.mark.usefixtures("alone")
def test_what_was_asked_for_is_named_whether_it_was_there_or_not(repository: Repository) -> None:
    _, _, above = _counting()
    named = []
    for base in (_fresh(repository), repository.base, repository.base):
        found, pending = _resources(repository, base=base)
        found.get(above, MODULE)
        # What it needs on its way is none of the memory's, and is not stored with it.
        assert set(pending.blobs) == {found.blob(above, MODULE)}
        named.append(found.used)
    assert named[0] == named[1] == named[2] and set(named[0]) == {f"test_outer:{MODULE}"}


@pytest.mark.usefixtures("alone")
def test_one_that_depends_on_settings_is_made_for_each_of_them(repository: Repository) -> None:
    made, below, _ = _counting()
    found, _ = _resources(repository, base=_fresh(repository))
    for each in (below, replace(below, variant="one"), replace(below, variant="two"), replace(below, variant="one")):
        found.get(each, MODULE)
    assert made == [f"inner {MODULE}"] * 3
    assert set(found.used) == {f"test_inner:{MODULE}{variant}" for variant in ("", ":one", ":two")}
    again, _ = _resources(repository, base=_fresh(repository))
    again.get(replace(below, variant="two"), MODULE)
    assert len(made) == 3


@pytest.mark.usefixtures("alone")
def test_what_a_commit_names_is_taken_and_nothing_is_made(repository: Repository) -> None:
    made, below, _ = _counting()
    first, pending = _resources(repository)
    other = PendingBlobs(repository.store.objects)
    mine = other.put(replace(pending.get(first.blob(below, MODULE)), meta={"from": "another machine"}))
    found = StoreResources(repository.base, repository.store.config.base, other, {below.name: mine})
    made.clear()
    assert found.blob(below) == mine and found.get(below) > 0 and made == []
    assert found.used == {below.name: mine}


def test_memories_name_what_they_rest_on_and_the_store_only_its_pool(repository: Repository) -> None:
    pool = repository.store.config.editor.pool
    repository.commit([AUSTRALIA], "one")
    (entry,) = repository.store.head_commit()[1].memories
    assert entry.editor is not None
    assert entry.editor.resources == {POOL: pool, f"statistics:{MODULE}": entry.blobs["statistics"]}
    assert repository.store.config.editor.resources == {POOL: pool}
    assert repository.store.head_commit()[1].editor.resources == {POOL: pool}
    assert repository.fsck().ok


def test_each_memory_is_trained_as_it_was_begun(
    new_repository: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = new_repository("one", shard_capacity=1, paraphrases=0)
    repository.commit([AUSTRALIA], "one")
    seen: list[tuple[int, bool]] = []

    def train(context: TrainingContext, settings: KeyedSettings, *others: Any) -> Any:
        seen.append((settings.paraphrases, context.relations is not None))
        return train_stream(context, settings, *others)

    monkeypatch.setattr("wisedb.editors.keyed.editor.train_stream", train)
    repository.commit([NEWER, SPAIN], "two", settings={"paraphrases": 3})
    assert sorted(seen) == [(0, False), (3, True)]


def test_another_process_names_the_same(repository: Repository, new_repository: Callable[..., Repository]) -> None:
    """Which models were prepared before has no part in what a memory names."""
    other = new_repository("other")
    for edit in (AUSTRALIA, HAMLET, SPAIN):
        repository.commit([edit], "next", date="2026-01-01T00:00:00Z")
        Repository(other.store, _fresh(other)).commit([edit], "next", date="2026-01-01T00:00:00Z")
    assert repository.store.head_commit() == other.store.head_commit()
