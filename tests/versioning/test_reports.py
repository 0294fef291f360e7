"""What the commands that only look show, with the keys that scripts rely on."""

from __future__ import annotations

from tests.merging import PERTH, WATER, fork
from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.repository import Repository


def test_history_as_scripts_see_it(history: Repository) -> None:
    second, first, _root = history.log()
    assert [entry.record.message for entry in history.log(n=2)] == ["Second", "First"]
    record = second.to_json()
    assert record["parents"] == [first.commit] and record["author"] == "Ben"
    assert (record["edits_added"], record["edits_reverted"]) == (2, 0)
    assert record["scores"]["reliability"] == 1.0
    shown = history.show("HEAD").to_json()
    assert {**shown, **record} == shown
    assert shown["edits"] == [HAMLET.to_json(), SUM.to_json()] and shown["reverted"] == []
    assert [set(memory) for memory in shown["memories"]] == [
        {"id", "kind", "gate", "editor", "modules", "blob", "edits", "bytes", "threshold"}
    ] * 2
    (module,) = {module for memory in shown["memories"] for module in memory["modules"]}
    assert {(memory["kind"], memory["gate"], memory["editor"]) for memory in shown["memories"]} == {
        ("masked_delta", "keys", "keyed")
    }
    assert shown["base"]["target"] == module == history.store.config.editor.settings["target"]
    assert shown["config"]["name"] == "keyed" and shown["base"]["fingerprint"] == history.store.config.base.fingerprint
    assert [edit.id for edit in history.facts("HEAD~1")] == [AUSTRALIA.id]
    assert [edit.id for edit in history.search("hamlet")] == [AUSTRALIA.id, HAMLET.id, SUM.id][1:]


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
