"""Keys beside a memory: a function of its edits alone, made once, read back, told apart when they don't belong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN, SUM
from wisedb.editors.common import key_statistics
from wisedb.errors import CorruptObject
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.memory.hooks import handle_of
from wisedb.memory.memory import Memory
from wisedb.repository import Repository
from wisedb.serving import key_blobs
from wisedb.serving.memory_codec import KEYS, STATISTICS, read_memories, read_memory
from wisedb.store.derived_cache import folder
from wisedb.store.memory_entry import MemoryEntry

WISE = {"shard_size": 9, "steps": 20, "contexts": 0, "irrelevant": 10}
"""Settings under which the editor whose memories the activation finds is quick."""


@pytest.fixture
def keyed(new_repository: Callable[..., Repository]) -> Repository:
    return new_repository("keyed", shard_capacity=9)


def _read(repository: Repository) -> list[Memory]:
    return read_memories(repository.store.objects, _memories(repository))


def _memories(repository: Repository) -> tuple[MemoryEntry, ...]:
    return repository.store.head_commit()[1].memories


def test_memories_have_keys_where_keys_route_and_nowhere_else(
    keyed: Repository, new_repository: Callable[..., Repository]
) -> None:
    plain = new_repository("plain")
    keyed.commit([AUSTRALIA, HAMLET], "two")
    plain.commit([AUSTRALIA, HAMLET], "two", editor="wise", settings=WISE)
    assert set(_memories(keyed)[0].blobs) == {"mask", "delta", KEYS, STATISTICS}
    assert set(_memories(plain)[0].blobs) == {"mask", "delta"}
    assert [memory.gate for each in (keyed, plain) for memory in _memories(each)] == ["keys", "activation"]
    assert keyed.store.head_commit()[1].merged is None


def test_they_are_read_back_as_they_were_made(keyed: Repository) -> None:
    keyed.commit([AUSTRALIA, HAMLET], "two")
    keyed.commit([SPAIN], "one more")
    (memory,) = read_memories(keyed.store.objects, _memories(keyed))
    assert memory.edits == (AUSTRALIA.id, HAMLET.id, SPAIN.id) and memory.gate.keys is not None
    base = keyed.base
    (module,) = memory.modules
    projection, ring = base.projection(module), memory.gate.keys
    made = build_keys(base.model, projection, base.tokenizer, ring.statistics, [AUSTRALIA, HAMLET, SPAIN]).tensors()
    found = ring.tensors()
    assert all(torch.equal(made[name], found[name]) for name in made)


def test_only_new_edits_are_run_and_statistics_are_measured_once(
    keyed: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed.commit([AUSTRALIA, HAMLET], "two")
    seen: list[str] = []

    def watched(*args: Any, **kwargs: Any) -> EditKeys:
        seen.extend(edit.id for edit in args[4])
        return build_keys(*args, **kwargs)

    monkeypatch.setattr(key_blobs, "build_keys", watched)
    monkeypatch.setattr(key_statistics, "compute_statistics", lambda *_args, **_kwargs: pytest.fail("measured again"))
    keyed.commit([SPAIN], "one more")
    keyed.revert(HAMLET.id)
    assert seen == [SPAIN.id]


def test_a_revert_leaves_the_keys_of_a_store_that_never_saw_the_edit(new_repository: Callable[..., Repository]) -> None:
    one, other = (new_repository(name, shard_capacity=9) for name in ("one", "other"))
    one.commit([AUSTRALIA, HAMLET], "a")
    one.commit([SUM], "b")
    one.revert(HAMLET.id)
    other.commit([AUSTRALIA], "a")
    other.commit([SUM], "b")
    assert _memories(one) == _memories(other)


def test_what_supersedes_takes_the_keys_over_and_gives_them_back(keyed: Repository) -> None:
    keyed.commit([AUSTRALIA, HAMLET], "old")
    old = _memories(keyed)
    keyed.commit([NEWER], "new")
    (memory,) = read_memories(keyed.store.objects, _memories(keyed))
    assert memory.edits == (HAMLET.id, NEWER.id) and memory.gate.keys is not None and memory.gate.keys.edits == 2
    keyed.revert(NEWER.id)
    assert _memories(keyed) == old


def test_what_was_written_for_the_activation_stays_behind_it_beside_keys(
    new_repository: Callable[..., Repository],
) -> None:
    mixed = new_repository("mixed")
    mixed.commit([AUSTRALIA, HAMLET], "two", editor="wise", settings=WISE)
    (old,) = _memories(mixed)
    mixed.commit([SPAIN], "one more")
    first, second = _memories(mixed)
    assert first == old and KEYS not in first.blobs and KEYS in second.blobs
    found = mixed.explain(AUSTRALIA.prompt)
    assert (found.router, found.memory) == ("keys+activation", first.id)
    assert mixed.explain(SPAIN.prompt).memory == second.id
    # Each editor merges its own.
    model, _ = mixed.load(mode="merge")
    handle = handle_of(model)
    assert handle is not None and [memory.id for memory in handle.memories] == [first.id, second.id]


def test_statistics_of_an_earlier_version_give_way_at_the_next_commit(
    new_repository: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def earlier(*args: Any, **kwargs: Any) -> Statistics:
        return replace(compute_statistics(*args, **kwargs), flags=torch.zeros(0, dtype=torch.uint8))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "then"))
    with monkeypatch.context() as then:
        then.setattr(key_statistics, "compute_statistics", earlier)
        store = new_repository("store", shard_capacity=1)
        store.commit([AUSTRALIA], "then")
    assert store.generate([AUSTRALIA.prompt])[0].memory is not None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "now"))
    now = Repository.open(store.path)
    now.commit([SUM], "now")
    first, second = _read(now)
    assert first.gate.keys is not None and second.gate.keys is not None and len(second.gate.keys.statistics.flags)
    assert first.gate.keys.statistics.same(second.gate.keys.statistics)
    assert [answer.memory for answer in now.generate([AUSTRALIA.prompt, SUM.prompt])] == [first.id, second.id]


def test_rephrases_are_keys_where_they_are_trained_on(new_repository: Callable[..., Repository]) -> None:
    plain, more = new_repository("plain"), new_repository("more", train_rephrases=True)
    for each in (plain, more):
        each.commit([AUSTRALIA], "a")
    keys = [memory.gate.keys for each in (plain, more) for memory in _read(each)]
    counts = [0 if ring is None else int((ring.typed == 0).sum()) for ring in keys]
    assert counts == [1, 1 + len(AUSTRALIA.rephrases)]
    # What was trained on measures nothing; another wording does.
    other = replace(AUSTRALIA, rephrases=("Of Australia the capital is",))
    assert plain.evaluate().generalization is not None and more.evaluate().generalization is None
    assert more.evaluate(data=[other]).generalization is not None


def test_statistics_are_remembered_from_store_to_store(
    new_repository: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    new_repository("one").commit([AUSTRALIA], "a")
    monkeypatch.setattr(key_statistics, "compute_statistics", lambda *_args, **_kwargs: pytest.fail("measured again"))
    new_repository("other").commit([AUSTRALIA], "a")


def test_a_damaged_cache_is_passed_over(
    new_repository: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    repository = new_repository("one")
    repository.commit([AUSTRALIA], "a")
    for file in folder().rglob("*.safetensors"):
        file.write_bytes(b"damaged")
    repository.commit([HAMLET], "b")
    assert repository.fsck().ok and repository.explain(HAMLET.prompt).routed


def test_the_store_is_whole_with_keys(keyed: Repository) -> None:
    keyed.commit([AUSTRALIA, HAMLET], "two")
    assert not keyed.fsck().problems


def test_keys_of_other_edits_are_refused(keyed: Repository) -> None:
    keyed.commit([AUSTRALIA], "a")
    before = _memories(keyed)[0]
    keyed.commit([HAMLET], "b")
    now = _memories(keyed)[0]
    mixed = replace(now, blobs={**now.blobs, KEYS: before.blobs[KEYS]})
    with pytest.raises(CorruptObject, match="other edits"):
        read_memory(keyed.store.objects, mixed)
    swapped = replace(now, blobs={**now.blobs, KEYS: now.blobs["delta"]})
    with pytest.raises(CorruptObject):
        read_memory(keyed.store.objects, swapped)
    lacking = replace(now, blobs={role: blob for role, blob in now.blobs.items() if role != STATISTICS})
    with pytest.raises(CorruptObject, match="other edits"):
        read_memory(keyed.store.objects, lacking)
