"""A memory is a function of its stream and of the always-on ones before it; keys are read below all gated memories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stores import AUSTRALIA, HAMLET, SPAIN, SUM
from wisedb.memory.hooks import handle_of
from wisedb.progress import Progress
from wisedb.repository import Repository

FAKE = Path(__file__).parent.parent / "editors" / "fake"


@pytest.fixture(autouse=True)
def always_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor whose memories are always on, found as any other."""
    monkeypatch.syspath_prepend(str(FAKE))


@pytest.fixture
def make(new_repository: Callable[..., Repository]) -> Callable[..., Repository]:
    """Stores of the keyed editor."""
    return lambda name: new_repository(name, shard_capacity=9)


def _mains(repository: Repository) -> list[tuple[str, str]]:
    """(editor, main blob) of each memory."""
    memories = repository.store.head_commit()[1].memories
    return [(memory.editor.name if memory.editor else "", memory.main) for memory in memories]


def test_what_stands_before_an_always_on_memory_keeps_its_bytes(make: Callable[..., Repository]) -> None:
    repository = make("one")
    repository.commit([AUSTRALIA], "keys")
    before = _mains(repository)
    repository.commit([HAMLET], "always on", editor="fake")
    assert _mains(repository)[:1] == before
    reports: list[Progress] = []
    repository.revert(HAMLET.id, progress=reports.append)
    assert _mains(repository) == before and reports == []


def test_what_stands_behind_one_is_trained_beside_it(make: Callable[..., Repository]) -> None:
    beside, alone = make("beside"), make("alone")
    beside.commit([HAMLET], "always on", editor="fake")
    for repository in (beside, alone):
        repository.commit([AUSTRALIA], "keys")
    metas = [each.store.objects.meta(_mains(each)[-1][1])[1] for each in (beside, alone)]
    assert metas[0]["before"] and not metas[1]["before"]
    assert _mains(beside)[-1] != _mains(alone)[-1]
    assert beside.generate(AUSTRALIA.prompt)[0].text == AUSTRALIA.target


def test_it_is_trained_anew_where_that_one_goes(make: Callable[..., Repository]) -> None:
    one, other = make("one"), make("other")
    one.commit([HAMLET], "always on", editor="fake")
    for repository in (one, other):
        repository.commit([AUSTRALIA], "keys")
        repository.commit([SUM], "more")
    reports: list[Progress] = []
    one.revert(HAMLET.id, progress=reports.append)
    assert _mains(one) == _mains(other)
    assert reports[-1].done == reports[-1].total == 2
    assert one.fsck().ok


def test_an_always_on_memory_with_others_behind_it_takes_no_new_edits(make: Callable[..., Repository]) -> None:
    repository = make("one")
    repository.commit([HAMLET], "always on", editor="fake")
    repository.commit([AUSTRALIA], "keys")
    before = _mains(repository)
    repository.commit([SPAIN], "always on", editor="fake")
    assert _mains(repository)[:2] == before and [name for name, _ in _mains(repository)] == ["fake", "keyed", "fake"]


def test_a_version_beside_other_always_on_memories_is_no_beginning(make: Callable[..., Repository]) -> None:
    repository = make("one")
    repository.commit([HAMLET], "always on", editor="fake")
    first = repository.commit([AUSTRALIA], "keys").commit
    repository.revert(HAMLET.id)
    alone = _mains(repository)
    repository.rollback(first)
    # Both versions lie behind HEAD now, the wrong one nearer.
    reports: list[Progress] = []
    repository.revert(HAMLET.id, progress=reports.append)
    assert _mains(repository) == alone and reports == []


def test_keys_are_read_below_the_lowest_gated_memory(make: Callable[..., Repository]) -> None:
    repository = make("one")
    repository.commit([AUSTRALIA], "at the store's module")
    repository.commit([HAMLET], "below it", settings={"target": "model.layers.0.mlp.down_proj"})
    first, second = repository.store.head_commit()[1].memories
    assert first.modules != second.modules and first.blobs["statistics"] == second.blobs["statistics"]
    said = repository.generate([AUSTRALIA.prompt, HAMLET.prompt])
    assert [(each.text, each.memory) for each in said] == [("Paris", first.id), ("France", second.id)]
    model, _ = repository.load(mode="merge")
    handle = handle_of(model)
    # Memories of two modules are no merge of each other.
    assert handle is not None and [memory.id for memory in handle.memories] == [first.id, second.id]
    repository.revert(HAMLET.id)
    assert repository.generate(AUSTRALIA.prompt)[0].text == "Paris" and repository.fsck().ok
