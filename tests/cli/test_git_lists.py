"""Lists as git's users narrow them down: the log, branches by where they stand, what is staged in short."""

from __future__ import annotations

from pathlib import Path

from .conftest import EDITS, Told, answer, inside


def _messages(*words: str, cwd: Path) -> list[str]:
    return [entry["message"].splitlines()[0] for entry in answer("log", *words, cwd=cwd)]


def test_the_log_is_turned_round_and_counts_facts(told: Told) -> None:
    assert _messages("-2", "--reverse", cwd=told.path) == ["first", "second"]
    assert inside("log", "--graph", "--reverse", cwd=told.path).returncode == 2
    newest, older = answer("log", "--stat", "-2", cwd=told.path)
    assert newest["changes"]["stat"] == {"added": 1, "removed": 0, "changed": 1}
    assert older["changes"]["stat"] == {"added": 2, "removed": 0, "changed": 0}
    assert "1 added(+), 0 removed(-), 1 changed(~)" in inside("log", "--stat", "-1", cwd=told.path).stdout


def test_merges_are_shown_alone_or_left_out(copy: Path) -> None:
    everything = _messages(cwd=copy)
    assert _messages("--merges", cwd=copy) == []
    inside("checkout", "-b", "side", "v1", cwd=copy)
    inside("rollback", "HEAD~1", "-m", "back", cwd=copy)
    inside("switch", "main", cwd=copy)
    assert inside("merge", "side", "--ours", "-m", "together", cwd=copy).returncode == 0
    assert _messages("--merges", cwd=copy) == ["together"]
    assert sorted(_messages("--no-merges", cwd=copy)) == sorted([*everything, "back"])


def test_branches_are_listed_by_where_they_stand(copy: Path) -> None:
    inside("branch", "old", "v1", cwd=copy)
    inside("checkout", "-b", "side", "v1", cwd=copy)
    inside("rollback", "HEAD~1", "-m", "back", cwd=copy)
    inside("switch", "main", cwd=copy)

    def names(*words: str) -> list[str]:
        return [ref["name"] for ref in answer("branch", *words, cwd=copy)]

    assert names("--merged") == ["main", "old"]
    assert names("--no-merged") == ["side"]
    assert names("--merged", "side") == ["old", "side"]
    assert names("--contains", "v1") == ["main", "old", "side"]
    assert names("--contains", "main") == ["main"]
    assert names("--contains", "v1", "--no-merged", "main", "--list", "s*") == ["side"]
    assert inside("branch", "--merged", "nope", cwd=copy).returncode == 1
    assert inside("branch", "-d", "old", "--merged", cwd=copy).returncode == 2


def test_status_in_short_is_a_line_an_edit(copy: Path) -> None:
    assert inside("status", "-s", cwd=copy).stdout == ""
    inside("edit", "Water is", "wet", cwd=copy)
    assert inside("status", "--short", cwd=copy).stdout.split() == ["A", "Water", "is", "wet"]


def test_what_one_facts_life_would_ignore_is_refused(told: Told) -> None:
    for words in (("--merges",), ("-p",), ("--stat",), ("--author", "Ada"), ("--all",)):
        assert inside("log", "--fact", EDITS[0]["prompt"], *words, cwd=told.path).returncode == 2
    assert inside("log", "--fact", EDITS[0]["prompt"], "--reverse", "-3", cwd=told.path).returncode == 0
