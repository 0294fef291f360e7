"""Which edit stands behind an answer, on plain lines and through merges."""

from __future__ import annotations

from tests.merging import PERTH, WATER, fork
from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.repository import Repository


def test_blame_as_scripts_see_it(history: Repository) -> None:
    record = history.blame("the capital of  AUSTRALIA is").to_json()
    first = history.log()[1]
    assert record["edit"] == AUSTRALIA.to_json() and record["commit"] == first.commit
    assert (record["author"], record["date"], record["reason"]) == ("Ada", first.record.date, "for the test")
    nobody = history.blame("What is that?").to_json()
    assert (nobody["edit"], nobody["commit"], nobody["author"]) == (None, None, None)
    assert {"edit", "commit", "score"} == set(nobody["candidates"][0])


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
