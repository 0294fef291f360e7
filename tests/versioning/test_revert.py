"""Single facts come out; the rest keeps its bytes, or gets the bytes that it would have had without them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.merging import MOON, PERTH, WATER, facts, fork, memories
from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN, SUM
from wisedb.editors.keyed import paraphrases, sampler
from wisedb.errors import AmbiguousId, NothingToCommit, UnknownEdit, UsageError
from wisedb.progress import Progress
from wisedb.repository import Repository


def _memories(repository: Repository) -> dict[str, str]:
    return {memory.id: memory.main for memory in repository.store.head_commit()[1].memories}


def test_a_shard_ends_with_the_bytes_of_one_that_never_saw_the_edit(
    new_repository: Callable[..., Repository],
) -> None:
    one, other = new_repository("one", shard_capacity=3), new_repository("other", shard_capacity=3)
    one.commit([AUSTRALIA, HAMLET], "a")
    one.commit([SUM], "b")
    other.commit([AUSTRALIA], "a")
    other.commit([SUM], "b")
    assert _memories(one) != _memories(other)
    moved = one.revert(HAMLET.id)
    assert (moved.added, moved.reverted) == ((), (HAMLET.id,))
    assert _memories(one) == _memories(other)
    assert one.store.head_commit()[1].merged == other.store.head_commit()[1].merged


def test_a_batch_is_fitted_anew_without_the_edit_and_those_behind_it_follow(
    new_repository: Callable[..., Repository],
) -> None:
    one, other = (new_repository(name, shard_capacity=9) for name in ("one", "other"))
    one.commit([SPAIN], "before")
    one.commit([AUSTRALIA, HAMLET], "together")
    one.commit([SUM], "behind")
    other.commit([SPAIN], "before")
    other.commit([AUSTRALIA], "alone")
    other.commit([SUM], "behind")
    reports: list[Progress] = []
    one.revert(HAMLET.id, progress=reports.append)
    assert _memories(one) == _memories(other)
    assert reports[-1].done == reports[-1].total == 2
    assert one.generate(SPAIN.prompt)[0].text == SPAIN.target


def test_what_was_learned_in_the_edits_words_is_learned_anew_without_them(
    new_repository: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "_SMALL_BATCH", 0)
    named = [replace(edit, subject=word) for edit, word in ((SPAIN, "Spain"), (HAMLET, "Hamlet"), (SUM, "30"))]
    spain, hamlet, thirty = named
    one, other, deaf = (new_repository(name, shard_capacity=9) for name in ("one", "other", "deaf"))
    # A tiny random model's keys say nothing of what is asked: each edit borrows of all, or of none.
    for each, alike in ((deaf, 2.0), (other, -1.0)):
        monkeypatch.setattr(paraphrases, "_ALIKE", alike)
        each.commit([spain], "alone")
        each.commit([thirty], "behind")
    one.commit([spain, hamlet], "together")
    one.commit([thirty], "behind")
    assert _memories(deaf) != _memories(other) != _memories(one)
    Repository.open(one.path).revert(hamlet.id)
    assert _memories(one) == _memories(other)


def test_a_whole_batch_that_goes_leaves_the_others_apart(new_repository: Callable[..., Repository]) -> None:
    one, other = (new_repository(name, shard_capacity=9) for name in ("one", "other"))
    for edits in ([SPAIN], [AUSTRALIA, HAMLET], [SUM]):
        one.commit(edits, "all")
    for edits in ([SPAIN], [SUM]):
        other.commit(edits, "some")
    one.revert([AUSTRALIA.id, HAMLET.id])
    assert _memories(one) == _memories(other)


def test_a_part_of_a_batch_is_no_version_to_go_on_from(new_repository: Callable[..., Repository]) -> None:
    one, other = (new_repository(name, shard_capacity=9) for name in ("one", "other"))
    one.commit([AUSTRALIA], "alone")
    one.commit([HAMLET], "alone too")
    other.commit([AUSTRALIA, HAMLET], "together")
    assert _memories(one) != _memories(other)
    other.commit([SUM], "more")
    one.commit([SUM], "more")
    other.revert(SUM.id)
    one.revert(SUM.id)
    assert _memories(one) != _memories(other)


def test_other_memories_keep_their_blobs(repository: Repository) -> None:
    repository.commit([AUSTRALIA, HAMLET, SUM, SPAIN], "two shards")
    before = repository.store.head_commit()[1].memories
    repository.revert([HAMLET.id])
    after = repository.store.head_commit()[1].memories
    assert after[1] == before[1] and after[0].id == before[0].id and after[0].main != before[0].main


def test_the_last_edit_takes_its_shard_with_it(repository: Repository) -> None:
    repository.commit([AUSTRALIA, HAMLET, SUM], "two shards")
    repository.revert(SUM.id[:8], "Not so")
    commit = repository.store.head_commit()[1]
    assert len(commit.memories) == 1 and commit.message == "Not so"
    repository.revert([AUSTRALIA.id, HAMLET.id])
    commit = repository.store.head_commit()[1]
    assert commit.memories == () and commit.merged is None
    assert repository.facts() == []


def test_a_prefix_that_was_stored_is_not_trained_again(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "a")
    first = repository.store.head_commit()[1]
    repository.commit([HAMLET], "b")
    reports: list[Progress] = []
    repository.revert(HAMLET.id, progress=reports.append)
    assert reports == [] and repository.store.head_commit()[1].memories == first.memories


def test_what_the_reverted_edit_superseded_is_in_force_again(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "old")
    old = repository.store.head_commit()[1].memories
    repository.commit([NEWER], "new")
    moved = repository.revert(NEWER.id)
    assert (moved.added, moved.reverted) == ((AUSTRALIA.id,), (NEWER.id,))
    assert repository.store.head_commit()[1].memories == old
    assert repository.generate(AUSTRALIA.prompt)[0].text == "Paris"


def test_a_commit_is_reverted_with_all_that_it_changed(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "a")
    made = repository.commit([HAMLET, SUM], "b")
    moved = repository.revert(made.commit[:10])
    assert set(moved.reverted) == {HAMLET.id, SUM.id}
    assert [edit.id for edit in repository.facts()] == [AUSTRALIA.id]
    back = repository.revert("HEAD")
    assert set(back.added) == {HAMLET.id, SUM.id}
    assert repository.generate(HAMLET.prompt)[0].text == "France"


def test_what_is_not_in_force_can_not_be_reverted(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "a")
    repository.commit([NEWER], "b")
    head = repository.store.head_commit()[0]
    with pytest.raises(UnknownEdit, match="not in force"):
        repository.revert(AUSTRALIA.id)
    with pytest.raises(UnknownEdit):
        repository.revert("0123456789")
    with pytest.raises(NothingToCommit):
        repository.revert("HEAD~2")
    assert repository.store.head_commit()[0] == head


def test_what_names_an_edit_and_a_commit_is_ambiguous(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "a")
    repository.tag(AUSTRALIA.id[:4])
    with pytest.raises(AmbiguousId):
        repository.revert(AUSTRALIA.id[:4])


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
