"""Two lines of history become one: the union of their facts, with the bytes of both where nothing stands against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.runtime.stores import AUSTRALIA, HAMLET, SUM
from wisedb.edits import Edit
from wisedb.progress import Progress
from wisedb.repository import Repository
from wisedb.runtime.merge import merge
from wisedb.runtime.merge_choices import Choices
from wisedb.runtime.merge_result import MergeResult


WATER = Edit("Water boils at", "France")
MOON = Edit("The moon is made of", "play")


def join(repository: Repository, rev: str = "side", **options: Any) -> MergeResult:
    return merge(repository.store, lambda: repository.base, rev, **options)


def memories(repository: Repository, rev: str = "HEAD") -> dict[str, str]:
    commit = repository.store.objects.commit(repository.store.resolve(rev))
    return {memory.id: memory.main for memory in commit.memories}


def fork(repository: Repository, base: list[Edit], ours: list[Edit], theirs: list[Edit]) -> None:
    """Base facts, then a branch ``side`` and the branch ``main``, with HEAD on main."""
    if base:
        repository.commit(base, "base", author="Ada")
    repository.branch("side")
    repository.switch("side")
    if theirs:
        repository.commit(theirs, "theirs", author="Ben")
    repository.switch("main")
    if ours:
        repository.commit(ours, "ours", author="Cid")


def test_disjoint_facts_merge_as_a_union_and_nothing_is_trained(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM], [WATER])
    ours, theirs = memories(repository), memories(repository, "side")
    head, side = repository.store.resolve("main"), repository.store.resolve("side")
    reports: list[Progress] = []
    made = join(repository, progress=reports.append)
    assert reports == [] and made.to_train == 0 and made.how == "merge"
    commit = repository.store.objects.commit(str(made.commit))
    assert commit.parents == (head, side)
    assert commit.added == (WATER.id,) and commit.reverted == () and commit.edits is None
    assert commit.message == "Merge branch 'side' into main"
    assert memories(repository) == {**ours, **theirs}
    assert [edit.id for edit in repository.facts()] == [AUSTRALIA.id, HAMLET.id, SUM.id, WATER.id]
    prompts = [edit.prompt for edit in (AUSTRALIA, HAMLET, SUM, WATER)]
    assert [answer.text for answer in repository.generate(prompts)] == ["Paris", "France", "Hamlet", "France"]
    assert repository.fsck().ok
