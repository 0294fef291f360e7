"""Two lines of history become one: the facts of both, and memories that hold them with as little training as can be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.merging import MOON, PERTH, WATER, facts, fork, memories, streams, untouched
from tests.store.test_killed import dies_at
from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.edits import Edit
from wisedb.errors import BaseModelMismatch, InputError, MergeRefused, RefMoved, UnknownRevision, UsageError
from wisedb.progress import Progress
from wisedb.repository import Repository
from wisedb.store.store import Store
from wisedb.versioning.merging.merge import merge, plan_merge

Make = Callable[..., Repository]


def test_disjoint_facts_merge_as_a_union_and_nothing_is_trained(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM], [WATER])
    ours, theirs = memories(repository), memories(repository, "side")
    parents = (repository.store.resolve("main"), repository.store.resolve("side"))
    reports: list[Progress] = []
    made = repository.merge("side", author="Dan", progress=reports.append)
    assert reports == [] and made.to_train == 0 and made.how == "merge" and made.conflicts == ()
    commit = repository.store.objects.commit(str(made.commit))
    assert commit.parents == parents and commit.author == "Dan"
    assert commit.added == (WATER.id,) and commit.reverted == () and commit.edits is None
    assert commit.message == "Merge branch 'side' into main"
    assert memories(repository) == {**ours, **theirs}
    assert commit.merged is None
    assert [edit.id for edit in repository.facts()] == [AUSTRALIA.id, HAMLET.id, SUM.id, WATER.id]
    prompts = [edit.prompt for edit in (AUSTRALIA, HAMLET, SUM, WATER)]
    assert [answer.text for answer in repository.generate(prompts)] == ["Paris", "France", "Hamlet", "France"]
    assert repository.fsck().ok and made.reliability == 1.0
    assert repository.reflog()[0].action.startswith("merge side: ")


def test_the_sides_may_change_places(new_repository: Make) -> None:
    one, other = new_repository("one"), new_repository("other")
    fork(one, [AUSTRALIA, HAMLET], [SUM], [WATER])
    fork(other, [AUSTRALIA, HAMLET], [WATER], [SUM])
    assert one.merge("side").commit and other.merge("side").commit
    assert facts(one) == facts(other) and memories(one) == memories(other)


def test_a_memory_of_both_goes_on_from_ours_as_if_it_had_been_one_line(new_repository: Make) -> None:
    forked, straight = new_repository("forked", shard_capacity=3), new_repository("straight", shard_capacity=3)
    fork(forked, [AUSTRALIA], [HAMLET], [SUM])
    for edit in (AUSTRALIA, HAMLET, SUM):
        straight.commit([edit], "next")
    reports: list[Progress] = []
    made = forked.merge("side", progress=reports.append)
    assert made.to_train == 1 and {report.total for report in reports} == {1} and reports[-1].done == 1
    assert memories(forked) == memories(straight)


def test_a_full_memory_leaves_the_rest_to_a_new_one(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [SUM])
    ours = memories(repository)
    made = repository.merge("side")
    assert [memory.kept for memory in made.memories] == [True, False]
    assert {**memories(repository), **ours} == memories(repository) and len(memories(repository)) == 2
    assert repository.show().memories[1].edits == (SUM.id,)


def test_memories_begun_under_one_mask_become_one(new_repository: Make) -> None:
    forked, straight = new_repository("forked", shard_capacity=3), new_repository("straight", shard_capacity=3)
    fork(forked, [], [AUSTRALIA, HAMLET], [AUSTRALIA, SUM])
    straight.commit([AUSTRALIA, HAMLET], "ours")
    straight.commit([SUM], "theirs")
    (ours,), (theirs,) = memories(forked), memories(forked, "side")
    assert ours == theirs
    assert forked.merge("side").to_train == 1
    assert memories(forked) == memories(straight)


def test_what_went_out_of_force_there_leaves_a_memory_that_changed_here(new_repository: Make) -> None:
    forked, straight = new_repository("forked", shard_capacity=3), new_repository("straight", shard_capacity=3)
    fork(forked, [AUSTRALIA, HAMLET], [SUM], [])
    forked.switch("side")
    forked.revert(HAMLET.id)
    forked.switch("main")
    for edit in (AUSTRALIA, SUM):
        straight.commit([edit], "without the other")
    made = forked.merge("side")
    assert (made.added, made.removed, made.to_train) == ((), (HAMLET,), 1)
    assert memories(forked) == memories(straight)


def test_a_memory_that_the_other_side_took_out_goes(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET, SUM], [WATER], [])
    repository.switch("side")
    repository.revert([AUSTRALIA.id, HAMLET.id])
    repository.switch("main")
    made = repository.merge("side")
    assert made.to_train == 0 and [memory.edits for memory in made.memories] == [0, 2]
    assert [edit.id for edit in repository.facts()] == [SUM.id, WATER.id]


def test_conflicts_are_listed_and_nothing_changes(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [NEWER, SUM], [PERTH, WATER])
    repository.add([MOON])
    before = untouched(repository)
    made = repository.merge("side")
    assert made.commit is None and untouched(repository) == before
    (conflict,) = made.conflicts
    assert (conflict.base, conflict.ours, conflict.theirs) == (AUSTRALIA, NEWER, PERTH)
    document = json.loads(json.dumps(made.to_json()))
    assert document["commit"] is None and set(document["conflicts"][0]) == {"prompt", "base", "ours", "theirs"}
    assert document["conflicts"][0]["theirs"]["target"] == "play" and list(document["resolve"]) == [AUSTRALIA.prompt]
    assert made.added == (WATER,) and repository.status().staged == (MOON,)


def test_a_change_here_and_a_revert_there_are_a_conflict(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [NEWER], [])
    repository.switch("side")
    repository.revert(AUSTRALIA.id)
    for rev, mine, other in (("main", None, NEWER), ("side", NEWER, None)):
        (conflict,) = repository.merge(rev).conflicts
        assert (conflict.base, conflict.ours, conflict.theirs) == (AUSTRALIA, mine, other)
        repository.switch("main")
    # What was reverted there doesn't come back from below the winner.
    assert repository.merge("side", side="ours").commit
    assert streams(repository) == [["Who wrote the play Hamlet? France", "The capital of Australia is France"]]


def test_the_loser_is_taken_out_as_a_revert_would(new_repository: Make) -> None:
    merged, reverted = new_repository("merged"), new_repository("reverted")
    for each in (merged, reverted):
        fork(each, [AUSTRALIA, HAMLET], [SUM, PERTH], [WATER, NEWER])
    reverted.revert(PERTH.id)
    lost = memories(reverted)
    made = merged.merge("side", side="theirs")
    assert made.changed == ((PERTH.prompt, PERTH, NEWER),) and made.added == (WATER,)
    assert facts(merged)[AUSTRALIA.prompt] == "France"
    held = {memory.id: memory for memory in merged.show().memories}
    # Base's memory is both sides': it held the loser, and holds the winner now, with the base's edit below.
    assert streams(merged)[0] == [
        "The capital of Australia is Paris",
        "Who wrote the play Hamlet? France",
        "The capital of Australia is France",
    ]
    others = [memory for memory in lost if memory != next(iter(held))]
    assert all(memories(merged)[memory] == lost[memory] for memory in others)
    assert merged.generate(AUSTRALIA.prompt)[0].text == "France"


def test_a_loser_in_a_memory_of_its_own_side_alone_leaves_it(new_repository: Make) -> None:
    forked, straight = new_repository("forked", shard_capacity=1), new_repository("straight", shard_capacity=1)
    fork(forked, [HAMLET], [SUM, NEWER], [WATER, PERTH])
    straight.commit([HAMLET, SUM], "without the loser")
    theirs = memories(forked, "side")
    assert forked.merge("side", side="theirs").to_train == 0
    assert memories(forked) == {**memories(straight), **theirs}


@pytest.mark.parametrize(
    ("choice", "target"),
    [("ours", "France"), ("theirs", "play"), ("base", "Paris"), (None, None), ({"target": "Hamlet"}, "Hamlet")],
)
def test_a_choice_for_each_conflict(repository: Repository, tmp_path: Path, choice: object, target: str | None) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [NEWER], [PERTH, WATER])
    file = tmp_path / "choices.json"
    file.write_text(json.dumps({"the CAPITAL of Australia  is": choice}))
    made = repository.merge("side", "Settled", resolve=file)
    commit = repository.store.objects.commit(str(made.commit))
    expected = {HAMLET.prompt: "France", WATER.prompt: "France"}
    assert facts(repository) == (expected if target is None else {**expected, AUSTRALIA.prompt: target})
    # Only an edit that nobody had brings its record along.
    assert (commit.edits is not None) == isinstance(choice, dict) and commit.message == "Settled"
    if target is not None:
        assert repository.generate(AUSTRALIA.prompt)[0].text == target
    assert repository.fsck().ok


def test_choices_that_do_not_fit_change_nothing(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [NEWER], [PERTH])
    before = untouched(repository)
    for each, message in (
        ({}, "lack 1 of 1"),
        ({AUSTRALIA.prompt: "ours", HAMLET.prompt: "ours"}, HAMLET.prompt),
        ({AUSTRALIA.prompt: "mine"}, "is not one"),
    ):
        with pytest.raises(InputError) as caught:
            repository.merge("side", resolve=each)
        assert message in caught.value.message and untouched(repository) == before
    repository.switch("side")
    with pytest.raises(InputError, match="no conflict"):
        repository.merge("main~1", resolve={AUSTRALIA.prompt: "ours"})


def test_of_two_records_of_one_answer_ours_stays(repository: Repository) -> None:
    twin = replace(AUSTRALIA, reason="the same, said elsewhere")
    fork(repository, [HAMLET], [AUSTRALIA], [twin, WATER])
    ours = memories(repository)
    made = repository.merge("side")
    assert made.doubled == ((AUSTRALIA, twin),) and made.added == (WATER,)
    assert {**memories(repository), **ours} == memories(repository)
    assert [edit.id for edit in repository.facts()] == [HAMLET.id, AUSTRALIA.id, WATER.id]


def test_an_edit_that_both_made_lives_in_one_memory(repository: Repository) -> None:
    fork(repository, [HAMLET], [SUM, AUSTRALIA], [WATER, AUSTRALIA, MOON])
    assert sum(AUSTRALIA.id in memory.edits for memory in repository.show("side").memories) == 1
    repository.merge("side")
    assert sum(AUSTRALIA.id in memory.edits for memory in repository.show().memories) == 1
    repository.commit([NEWER], "changed")
    assert facts(repository)[AUSTRALIA.prompt] == "France" and len(repository.facts()) == 5


def test_a_fast_forward_moves_the_branch(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [], [HAMLET])
    side = repository.store.resolve("side")
    seen = repository.merge("side", preview=True)
    assert (seen.how, seen.commit, seen.added) == ("fast-forward", None, (HAMLET,))
    made = repository.merge("side", fast_forward="only")
    assert (made.how, made.commit) == ("fast-forward", side) == ("fast-forward", repository.store.resolve("main"))
    assert repository.store.refs.head().branch == "main"
    assert repository.reflog()[0].action == repository.reflog("main")[0].action == "merge side: fast-forward"


def test_a_commit_can_be_forced_where_the_branch_could_move(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [], [HAMLET, SUM])
    made = repository.merge("side", fast_forward="never")
    commit = repository.store.objects.commit(str(made.commit))
    assert len(commit.parents) == 2 and set(commit.added) == {HAMLET.id, SUM.id}
    assert memories(repository) == memories(repository, "side") and made.to_train == 0


def test_what_is_here_already_is_up_to_date(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [])
    before = untouched(repository)
    for rev in ("side", "HEAD", "main~1"):
        made = repository.merge(rev)
        assert made.how == "up-to-date" and made.commit == repository.store.resolve("main")
    assert untouched(repository) == before


def test_only_a_fast_forward_may_be_asked_for(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [SUM])
    with pytest.raises(MergeRefused, match="no fast-forward"):
        repository.merge("side", fast_forward="only")
    with pytest.raises(UsageError):
        repository.merge("side", fast_forward="perhaps")
    with pytest.raises(UnknownRevision):
        repository.merge("nowhere")


def stranger(repository: Repository, **base: Any) -> None:
    """A branch ``side`` that comes from a first commit of its own, with one edit where it is for the same model."""
    store = repository.store
    first = store.objects.commit(store.resolve("main"))
    # Digests of one's own go with a record that knows no more than them.
    changed = replace(first.base, **base, function=None) if base else first.base
    root = replace(first, date="2020-01-01T00:00:00Z", base=changed)
    store.refs.create("refs/heads/side", store.objects.put_commit(root), "branch")


def test_unrelated_histories_are_merged_only_on_request(repository: Repository) -> None:
    stranger(repository)
    repository.commit([AUSTRALIA, HAMLET], "ours")
    repository.switch("side")
    repository.commit([NEWER, WATER], "theirs")
    repository.switch("main")
    with pytest.raises(MergeRefused, match="no commit in common"):
        repository.merge("side")
    (conflict,) = repository.merge("side", allow_unrelated=True).conflicts
    assert conflict.base is None
    made = repository.merge("side", allow_unrelated=True, side="ours")
    assert made.bases == () and facts(repository)[AUSTRALIA.prompt] == "Paris" and len(facts(repository)) == 3
    assert repository.merge("side").how == "up-to-date"


@pytest.mark.parametrize("other", [{"weights": "0" * 64}, {"tokenizer": "0" * 64}])
def test_another_base_model_is_refused_always(repository: Repository, other: dict[str, str]) -> None:
    stranger(repository, **other)
    before = untouched(repository)
    options: list[dict[str, Any]] = [{}, {"allow_unrelated": True}, {"preview": True}]
    for given in options:
        with pytest.raises(BaseModelMismatch):
            repository.merge("side", **given)
    assert untouched(repository) == before


def test_a_preview_says_what_a_merge_does_and_does_nothing(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET, SUM], [WATER], [PERTH, MOON])
    before = untouched(repository)
    seen = repository.merge("side", preview=True)
    assert untouched(repository) == before
    made = repository.merge("side")
    done = replace(
        seen,
        commit=made.commit,
        preview=False,
        seconds=made.seconds,
        bytes_written=made.bytes_written,
        reliability=made.reliability,
        unlearned=made.unlearned,
    )
    assert done == made
    document = seen.to_json()
    assert document["preview"] and [edit["id"] for edit in document["added"]] == [MOON.id]
    assert document["changed"][0]["to"]["id"] == PERTH.id
    trained = [(memory.id, memory.kept, memory.train) for memory in seen.memories]
    assert sum(train for *_, train in trained) == seen.to_train
    assert {memory for memory, kept, _ in trained if kept} <= set(memories(repository))


def test_a_writer_that_lands_meanwhile_loses_nobody_anything(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [SUM], [WATER])
    other = Repository(Store.open(repository.path), repository.base)
    base = repository.base

    def late() -> Any:
        other.commit([MOON], "meanwhile")
        return base

    with pytest.raises(RefMoved, match="main"):
        merge(repository.store, late, "side")
    assert repository.log(n=1)[0].record.message == "meanwhile"
    assert repository.merge("side").commit
    assert {edit.id for edit in repository.facts()} == {AUSTRALIA.id, SUM.id, WATER.id, MOON.id}


def test_a_fast_forward_is_refused_where_the_branch_moved_meanwhile(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork(repository, [AUSTRALIA], [], [HAMLET])
    store = repository.store
    before = store.resolve("main")
    late = store.objects.put_commit(replace(store.objects.commit(before), parents=(before,), message="meanwhile"))

    def planned(*words: Any, **options: Any) -> Any:
        found = plan_merge(*words, **options)
        store.refs.update("refs/heads/main", before, late, "commit: meanwhile")
        return found

    monkeypatch.setattr("wisedb.versioning.merging.merge.plan_merge", planned)
    with pytest.raises(RefMoved):
        repository.merge("side")
    assert store.resolve("main") == late


def test_killed_at_any_step_the_branch_is_before_the_merge_or_after_it(repository: Repository, tmp_path: Path) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM], [WATER])
    before = repository.store.resolve("main")
    landed, died = False, True
    step = 0
    while died:
        step += 1
        copy = shutil.copytree(repository.path, tmp_path / f"death-{step}")

        def act(fault: Callable[[str], None], copy: Path = copy) -> object:
            store = Store.open(copy, fault=fault)
            return Repository(store, repository.base).merge("side", date="2026-01-01T00:00:00Z")

        died = dies_at(step, act)
        left = Repository(Store.open(copy, lock_timeout=0.5), repository.base)
        now = left.store.resolve("main") != before
        assert now or not landed, "what has landed stays"
        landed = now
        assert left.fsck().ok and len(left.facts()) == (4 if landed else 3)
        if not landed:
            assert left.store.refs.head().branch == "main"
    assert landed and step > 5


def test_a_detached_head_takes_a_merge_too(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [SUM])
    main = repository.store.resolve("main")
    repository.checkout(main)
    made = repository.merge("side")
    assert made.branch is None and repository.store.refs.head().commit == made.commit
    assert repository.store.resolve("main") == main
    assert repository.log(n=1)[0].record.message == "Merge branch 'side'"


def test_the_message_says_what_was_merged(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [HAMLET], [WATER])
    store = repository.store
    head, side = store.resolve("main"), store.resolve("side")
    store.refs.create("refs/remotes/origin/main", side, "fetch")
    store.refs.create("refs/tags/v1", side, "tag")
    for rev, said in (
        ("origin/main", "remote-tracking branch 'origin/main'"),
        ("v1", "tag 'v1'"),
        (side[:6], f"commit '{side[:12]}'"),
        ("side~0", "commit 'side~0'"),
    ):
        repository.merge(rev)
        assert repository.log(n=1)[0].record.message == f"Merge {said} into main"
        repository.reset(head)


def test_an_edit_after_a_merge_goes_where_its_prompt_is(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM], [WATER])
    repository.merge("side")
    again = Edit(WATER.prompt, "Hamlet")
    made = repository.commit([again], "after the merge")
    assert made.reverted == (WATER.id,) and len(repository.show().memories) == 3
