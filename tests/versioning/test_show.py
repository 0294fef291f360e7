"""One commit and a line of history, with the keys that scripts rely on."""

from __future__ import annotations

from tests.stores import AUSTRALIA, HAMLET, SUM
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
