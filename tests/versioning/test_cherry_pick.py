"""What single commits changed comes over, edits and reversals alike, and nothing else of their branch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.merging import MOON, PERTH, WATER, facts, fork, memories, untouched
from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.errors import BaseModelMismatch, InputError, NothingToCommit, RefMoved, UnknownRevision, UsageError
from wisedb.repository import Repository
from wisedb.store.signature import Signature
from wisedb.store.store import Store
from wisedb.versioning.cherry_pick import cherry_pick


def test_one_commit_of_several_comes_over(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [WATER])
    repository.switch("side")
    repository.commit([MOON], "the moon", author="Ben")
    repository.switch("main")
    head, source = repository.store.resolve("main"), repository.store.resolve("side")
    made = repository.cherry_pick("side", author="Dan")
    commit = repository.store.objects.commit(str(made.commit))
    assert commit.parents == (head,) and commit.author == "Dan" and commit.added == (MOON.id,)
    assert commit.message == f"the moon\n\n(cherry picked from commit {source})"
    assert set(facts(repository)) == {AUSTRALIA.prompt, HAMLET.prompt, MOON.prompt}
    assert repository.generate(MOON.prompt)[0].text == "play"
    assert repository.blame(MOON.prompt).commit == made.commit
    assert repository.reflog()[0].action == "cherry-pick: the moon"


def test_it_trains_what_a_commit_of_the_edits_would(new_repository: Callable[..., Repository]) -> None:
    picked, straight = new_repository("picked"), new_repository("straight")
    fork(picked, [AUSTRALIA], [HAMLET], [WATER, MOON])
    for edits in ([AUSTRALIA], [HAMLET], [WATER, MOON]):
        straight.commit(edits, "next")
    picked.cherry_pick("side")
    assert memories(picked) == memories(straight)


def test_its_records_outlive_the_branch_that_they_came_from(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [WATER])
    repository.cherry_pick("side")
    repository.branch("side", delete=True)
    repository.gc(dry_run=False, grace=0)
    assert WATER in repository.facts() and repository.fsck().ok
    repository.commit([MOON], "and on")


def test_reversals_come_over_too(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM], [NEWER])
    repository.switch("side")
    repository.revert([NEWER.id])
    repository.revert([HAMLET.id])
    repository.switch("main")
    made = repository.cherry_pick("side")
    assert made.picked[0][1].reverted == (HAMLET.id,)
    assert set(facts(repository)) == {AUSTRALIA.prompt, SUM.prompt}
    repository.cherry_pick("side~2")
    assert facts(repository)[AUSTRALIA.prompt] == "France"
    # The revert of it takes the newer edit out, and the older one, which lies below, is in force again.
    repository.cherry_pick("side~1")
    assert facts(repository)[AUSTRALIA.prompt] == "Paris"


def test_several_commits_come_one_by_one(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [WATER])
    repository.switch("side")
    repository.commit([replace(WATER, target="Hamlet")], "again")
    repository.switch("main")
    made = repository.cherry_pick(["side~1", "side"], side="theirs")
    first, second = (result for _, result in made.picked)
    assert second.parents == (first.commit,) and made.commit == second.commit
    assert facts(repository)[WATER.prompt] == "Hamlet"
    assert [entry.record.message.splitlines()[0] for entry in repository.log(n=2)] == ["again", "theirs"]


def test_a_conflict_in_any_of_them_changes_nothing(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [NEWER], [WATER])
    repository.switch("side")
    repository.commit([PERTH], "perth")
    repository.switch("main")
    before = untouched(repository)
    made = repository.cherry_pick(["side~1", "side"])
    assert made.commit is None and made.picked == () and made.stopped == repository.store.resolve("side")
    (conflict,) = made.conflicts
    assert (conflict.base, conflict.ours, conflict.theirs) == (AUSTRALIA, NEWER, PERTH)
    assert untouched(repository) == before
    document = made.to_json()
    assert document["commit"] is None and list(document["resolve"]) == [AUSTRALIA.prompt]
    for each, error in (
        ({AUSTRALIA.prompt: "theirs", HAMLET.prompt: "ours"}, "no conflict"),
        ({}, "lack 1 of 1"),
    ):
        with pytest.raises(InputError, match=error):
            repository.cherry_pick(["side~1", "side"], resolve=each)
        assert untouched(repository) == before
    assert repository.cherry_pick(["side~1", "side"], resolve={AUSTRALIA.prompt: "theirs"}).commit
    assert facts(repository) == {AUSTRALIA.prompt: "play", WATER.prompt: "France"}


def test_a_merge_is_picked_against_a_parent_that_is_named(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [WATER])
    repository.branch("third", "main~1")
    repository.merge("side")
    repository.switch("third")
    with pytest.raises(UsageError, match="is a merge"):
        repository.cherry_pick("main")
    repository.cherry_pick("main", mainline=2)
    assert set(facts(repository)) == {AUSTRALIA.prompt, HAMLET.prompt}
    repository.cherry_pick("main", "by hand", mainline=1)
    assert set(facts(repository)) == {AUSTRALIA.prompt, HAMLET.prompt, WATER.prompt}
    assert repository.log(n=1)[0].record.message.startswith("by hand\n\n(cherry picked from commit ")


def test_what_changes_nothing_or_is_not_there_is_refused(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [HAMLET])
    before = untouched(repository)
    for revs, error in (("side", NothingToCommit), ((), NothingToCommit), ("nowhere", UnknownRevision)):
        with pytest.raises(error):
            repository.cherry_pick(revs)
    store = repository.store
    commit = store.objects.commit(store.resolve("side"))
    other = store.objects.put_commit(replace(commit, base=replace(commit.base, weights="0" * 64)))
    with pytest.raises(BaseModelMismatch):
        repository.cherry_pick(other)
    assert untouched(repository)[:3] == before[:3]


def test_a_writer_that_lands_between_two_picks_stops_the_second(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [WATER])
    repository.switch("side")
    repository.commit([MOON], "the moon")
    repository.switch("main")
    other = Repository(Store.open(repository.path), repository.base)
    calls: list[str] = []

    def load() -> Any:
        calls.append("load")
        if len(calls) == 2:
            other.commit([SUM], "meanwhile")
        return repository.base

    with pytest.raises(RefMoved):
        cherry_pick(repository.store, load, ["side~1", "side"], Signature("", "Dan"))
    assert set(facts(repository)) == {AUSTRALIA.prompt, HAMLET.prompt, WATER.prompt, SUM.prompt}
