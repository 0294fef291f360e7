"""After merges the history still answers right: who brought a fact, what differs, what goes back; criss-cross too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.merging import MOON, PERTH, WATER, facts, fork, memories
from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.errors import NothingToCommit, UsageError
from wisedb.repository import Repository
from wisedb.versioning.merging.base import common


def test_blame_log_show_and_diff_see_through_a_merge(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM], [WATER, PERTH])
    theirs, ours = repository.store.resolve("side"), repository.store.resolve("main")
    made = repository.merge("side", author="Dan")
    for prompt, commit, author in (
        (WATER.prompt, theirs, "Ben"),
        (PERTH.prompt, theirs, "Ben"),
        (SUM.prompt, ours, "Cid"),
        (HAMLET.prompt, repository.store.resolve("main~2"), "Ada"),
    ):
        found = repository.blame(prompt)
        assert (found.commit, found.author) == (commit, author)
    entries = repository.log()
    assert entries[0].commit == made.commit
    assert {entry.commit for entry in entries} >= {ours, theirs} and len(entries) == 5
    assert {edit.id for edit in repository.show().edits} == {WATER.id, PERTH.id}
    differs = repository.diff(ours)
    assert differs.added == (WATER,) and [(old.id, new.id) for _, old, new in differs.changed] == [
        (AUSTRALIA.id, PERTH.id)
    ]
    assert [edit.id for edit in repository.diff("side").added] == [SUM.id]
    repository.reindex()
    assert repository.blame(WATER.prompt).commit == theirs


def test_blame_names_the_merge_for_an_answer_that_it_made(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [NEWER], [PERTH])
    made = repository.merge("side", resolve={AUSTRALIA.prompt: {"target": "Hamlet", "reason": "neither"}})
    found = repository.blame(AUSTRALIA.prompt)
    assert found.commit == made.commit and found.edit is not None and found.edit.reason == "neither"


def test_a_reverted_merge_is_the_first_parent_again(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM, NEWER], [PERTH, WATER])
    ours, before = memories(repository), facts(repository)
    repository.merge("side", side="theirs")
    moved = repository.revert("HEAD")
    assert facts(repository) == before
    assert set(moved.reverted) == {PERTH.id, WATER.id} and moved.added == (NEWER.id,)
    # Where nothing was lost in between, the bytes are the first parent's too.
    assert {memory: main for memory, main in memories(repository).items() if memory in ours} == ours
    assert repository.merge("side").how == "up-to-date"
    # As in git: what was reverted comes back by reverting the revert.
    repository.revert("HEAD")
    assert facts(repository)[AUSTRALIA.prompt] == "play" and facts(repository)[WATER.prompt] == "France"


def test_a_merge_can_be_reverted_to_the_other_parent(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM, NEWER], [WATER])
    theirs = memories(repository, "side")
    repository.merge("side")
    repository.revert("HEAD", mainline=2)
    assert facts(repository) == facts(repository, "side") and memories(repository) == theirs
    with pytest.raises(UsageError, match="no parent 3"):
        repository.revert("HEAD~1", mainline=3)
    with pytest.raises(UsageError, match="no commit is named"):
        repository.revert(WATER.id, mainline=1)


def test_what_was_changed_since_stays_when_a_merge_is_reverted(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [WATER, MOON])
    merged = repository.merge("side")
    again = replace(WATER, target="Hamlet")
    repository.commit([again], "since")
    repository.revert(str(merged.commit))
    assert facts(repository) == {
        AUSTRALIA.prompt: "Paris",
        HAMLET.prompt: "France",
        WATER.prompt: "Hamlet",
    }
    with pytest.raises(NothingToCommit):
        repository.revert(str(merged.commit))


def criss_cross(repository: Repository, main: str, side: str) -> None:
    """Both branches merge the other's last commit, settling AUSTRALIA as they are told."""
    fork(repository, [AUSTRALIA, HAMLET], [NEWER], [PERTH, WATER])
    repository.tag("ours")
    repository.merge("side", side=main)
    repository.switch("side")
    repository.merge("ours", side=side)
    repository.switch("main")


def test_a_criss_cross_that_was_settled_alike_is_clean(repository: Repository) -> None:
    criss_cross(repository, "ours", "theirs")
    shared = common(repository.store, repository.store.resolve("main"), repository.store.resolve("side"))
    assert len(shared.bases) == 2 and shared.disputed == {AUSTRALIA.key}
    assert set(shared.facts) == {HAMLET.key, WATER.key}
    repository.commit([SUM], "more")
    repository.switch("side")
    repository.commit([MOON], "more")
    made = repository.merge("main")
    assert made.conflicts == () and made.commit is not None
    assert facts(repository) == {
        AUSTRALIA.prompt: "France",
        HAMLET.prompt: "France",
        WATER.prompt: "France",
        SUM.prompt: "Hamlet",
        MOON.prompt: "play",
    }


def test_a_criss_cross_that_was_settled_differently_is_a_conflict(repository: Repository) -> None:
    criss_cross(repository, "ours", "ours")
    (conflict,) = repository.merge("side").conflicts
    assert (conflict.base, conflict.ours, conflict.theirs) == (None, NEWER, PERTH)
    repository.merge("side", side="theirs")
    assert facts(repository)[AUSTRALIA.prompt] == "play"


def test_a_fact_taken_out_on_one_line_of_a_criss_cross_stays_out(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM], [WATER])
    repository.tag("ours")
    repository.merge("side")
    repository.switch("side")
    repository.merge("ours")
    repository.revert(HAMLET.id)
    repository.switch("main")
    assert repository.merge("side").removed == (HAMLET,)
    assert set(facts(repository)) == {AUSTRALIA.prompt, SUM.prompt, WATER.prompt}


def test_criss_crosses_upon_criss_crosses_end(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [SUM], [WATER])
    for number in range(3):
        repository.branch(f"main-{number}", "main")
        repository.branch(f"side-{number}", "side")
        repository.merge(f"side-{number}", date=f"2026-02-0{number + 1}T00:00:00Z")
        repository.switch("side")
        repository.merge(f"main-{number}", date=f"2026-02-0{number + 1}T00:00:00Z")
        repository.switch("main")
    made = repository.merge("side")
    assert made.conflicts == () and made.to_train == 0 and len(made.bases) == 2
    assert set(facts(repository)) == {AUSTRALIA.prompt, SUM.prompt, WATER.prompt}
