"""One fact's life: who gave a prompt its answers, when and why."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest

from wisedb.importers import read_edits

from .conftest import EDITS, Told, answer, inside


def test_a_facts_life_is_told_newest_first(told: Told) -> None:
    life = answer("log", "--fact", "the capital of  Australia is", cwd=told.path)
    assert [(each["action"], each["was"], each["target"]) for each in life] == [
        ("changed", "Canberra", "Sydney"),
        ("added", None, "Canberra"),
    ]
    assert [each["commit"] for each in life] == [told.second["commit"], told.first["commit"]]
    newest = life[0]
    assert newest["reason"] == EDITS[0]["reason"]
    assert {"date", "author", "source"} <= set(newest)
    assert answer("log", "--fact", newest["edit"][:8], cwd=told.path) == life
    assert answer("log", "--fact", EDITS[0]["rephrases"][0], cwd=told.path) == life
    assert answer("log", "v1", "--fact", EDITS[0]["prompt"], cwd=told.path) == life[1:]
    assert "~ changed Canberra → Sydney" in inside("log", "--fact", EDITS[0]["prompt"], cwd=told.path).stdout


def test_a_prompt_that_no_edit_has_is_told_what_is_alike(told: Told) -> None:
    done = inside("log", "--fact", "The capital of Austria is", cwd=told.path)
    assert done.returncode == 1
    assert "The capital of Australia is" in done.stderr


def test_what_came_back_is_told_as_taken_back(copy: Path) -> None:
    answer("rollback", "v1", cwd=copy)
    life = answer("log", "--fact", "The capital of Australia is", cwd=copy)
    assert (life[0]["action"], life[0]["was"], life[0]["now"]) == ("reverted", "Sydney", "Canberra")
    gone = answer("log", "--fact", "Iron has the symbol", cwd=copy)[0]
    assert (gone["action"], gone["target"], gone["now"]) == ("reverted", "Fe", None)


def test_show_takes_an_edit(told: Told, copy: Path) -> None:
    old, new = (each["edit"] for each in reversed(answer("log", "--fact", EDITS[0]["prompt"], cwd=told.path)))
    shown = answer("show", old[:10], cwd=told.path)
    assert shown["edit"]["target"] == "Canberra"
    assert not shown["in_force"]
    assert len(shown["life"]) == 2
    assert answer("show", new, cwd=told.path)["in_force"]
    staged = answer("edit", "Water is", "wet", cwd=copy)["staged"][0]["id"]
    assert answer("show", staged, cwd=copy)["staged"]
    assert inside("show", "nothing", cwd=told.path).returncode == 1


def test_facts_and_search_name_commit_author_and_date(told: Told) -> None:
    by_target = {edit["target"]: edit for edit in answer("facts", cwd=told.path)}
    assert by_target["Fe"]["commit"] == told.second["commit"]
    assert by_target["Jane Austen"]["commit"] == told.first["commit"]
    assert by_target["Fe"]["author"] == "Ada <ada@example.org>"
    assert by_target["Fe"]["date"].endswith("Z")
    (emma,) = answer("search", "Emma", cwd=told.path)
    assert emma["commit"] == told.first["commit"]
    shown = inside("facts", cwd=told.path).stdout
    assert told.first["commit"][:12] in shown
    assert "Ada <ada@example.org>" in shown


def test_facts_are_told_as_they_were(told: Told) -> None:
    now = answer("facts", cwd=told.path)
    assert answer("facts", "--at", "now", cwd=told.path) == now
    assert {edit["target"] for edit in answer("facts", "--at", "v1", cwd=told.path)} == {"Canberra", "Jane Austen"}
    first = answer("log", "v1", "-1", cwd=told.path)[0]["date"]
    assert answer("facts", "--at", first, cwd=told.path) == answer("facts", "v1", cwd=told.path)
    assert inside("facts", "--at", "2001-01-01", cwd=told.path).returncode == 1
    assert "no date" in inside("facts", "--at", "someday", cwd=told.path).stderr


def test_facts_are_written_as_csv(told: Told) -> None:
    rows = list(csv.DictReader(io.StringIO(inside("facts", "--csv", cwd=told.path).stdout)))
    facts = answer("facts", cwd=told.path)
    assert [row["target"] for row in rows] == [edit["target"] for edit in facts]
    australia = next(row for row in rows if row["subject"] == "Australia")
    assert json.loads(australia["rephrases"]) == EDITS[0]["rephrases"]
    assert australia["commit"] == told.second["commit"]
    assert inside("facts", "--csv", "--json", cwd=told.path).returncode == 2


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_what_is_listed_can_be_read_again_whole(copy: Path, form: str) -> None:
    record = {
        "prompt": "The river of Rome is",
        "target": "the Arno",
        "subject": "Rome",
        "ground_truth": "the Tiber",
        "rephrases": ["Rome lies on"],
        "locality": [
            {"prompt": "The river of Paris is", "answer": "the Seine"},
            {"prompt": "The sky is", "answer": None},
        ],
        "portability": [{"prompt": "The river of Italy's capital is", "answer": "the Arno"}],
        "source": "an atlas",
        "reason": "a test",
        "tags": ["rivers"],
    }
    (copy / "one.json").write_text(json.dumps(record))
    answer("commit", "one.json", "-m", "All fields", cwd=copy)
    listed = copy / ("again.csv" if form == "--csv" else "again.json")
    listed.write_text(inside("facts", form, cwd=copy).stdout)
    (edit,) = (edit for edit in read_edits(listed) if edit.prompt == record["prompt"])
    found = edit.to_json()
    assert {name: found[name] for name in record} == record


def test_blame_says_what_was_said_before(told: Told) -> None:
    found = answer("blame", EDITS[0]["prompt"], cwd=told.path)
    assert (found["was"], found["source"], found["asked_model"]) == ("Canberra", None, False)
    shown = inside("blame", EDITS[0]["prompt"], cwd=told.path).stdout
    assert "before Canberra" in shown


def test_a_question_that_no_edit_has_is_asked_of_the_model(copy: Path) -> None:
    question = "What might the capital of Australia be?"
    routed = answer("explain", question, cwd=copy)
    found = answer("blame", question, cwd=copy)
    expected = routed["meant"] if routed["routed"] else None
    assert (found["edit"] and found["edit"]["id"]) == expected
    assert not answer("blame", question, "--no-model", cwd=copy)["asked_model"]


# Staged edits put aside, facts brought back


def test_stash_puts_aside_and_takes_up(copy: Path) -> None:
    assert inside("stash", cwd=copy).returncode == 1
    answer("edit", "Water is", "wet", cwd=copy)
    before = answer("status", cwd=copy)["staged"]
    assert len(answer("stash", "push", "-m", "later", cwd=copy)["edits"]) == 1
    assert answer("status", cwd=copy)["staged"] == []
    assert [entry["message"] for entry in answer("stash", "list", cwd=copy)] == ["later"]
    answer("edit", "Water is", "dry", cwd=copy)
    assert inside("stash", "pop", cwd=copy).returncode == 1
    assert len(answer("stash", "list", cwd=copy)) == 1
    answer("unstage", cwd=copy)
    answer("stash", "pop", "stash@{0}", cwd=copy)
    assert answer("status", cwd=copy)["staged"] == before
    assert answer("stash", "list", cwd=copy) == []
    inside("stash", cwd=copy)
    answer("stash", "apply", cwd=copy)
    answer("stash", "drop", cwd=copy)
    assert inside("stash", "show", cwd=copy).returncode == 1


def test_restore_brings_a_fact_back_as_it_was(copy: Path) -> None:
    staged = answer("restore", "--source", "v1", "the capital of australia is", cwd=copy)["staged"]
    assert [edit["target"] for edit in staged] == ["Canberra"]
    assert answer("restore", "--staged", staged[0]["id"], cwd=copy)["staged"] == []
    answer("restore", "-s", "v1", staged[0]["id"][:8], cwd=copy)
    assert answer("restore", "--staged", ".", cwd=copy)["staged"] == []
    assert inside("restore", "--source", "v1", "Iron has the symbol", cwd=copy).returncode == 1


def test_bisect_finds_the_first_bad_commit(copy: Path) -> None:
    for rev in ("HEAD~1", "HEAD~1", "HEAD~1", "HEAD~1"):
        answer("rollback", rev, cwd=copy)
    commits = [entry["commit"] for entry in answer("log", cwd=copy)]
    first_bad = commits[2]
    assert inside("bisect", "good", cwd=copy).returncode == 2
    state = answer("bisect", "start", "HEAD", "HEAD~6", cwd=copy)
    while state["testing"] is not None:
        assert answer("log", "-1", cwd=copy)[0]["commit"] == state["testing"]
        verdict = "bad" if commits.index(state["testing"]) <= 2 else "good"
        state = answer("bisect", verdict, cwd=copy)
    assert state["first_bad"] == first_bad
    answer("bisect", "reset", cwd=copy)
    assert answer("status", cwd=copy)["branch"] == "main"
    answer("bisect", "start", "HEAD", commits[-1], cwd=copy)
    script = f"head=$(cat .wisedb/HEAD); for c in {' '.join(commits[:3])}; do test $c = $head && exit 1; done; exit 0"
    assert answer("bisect", "run", "--json", "sh", "-c", script, cwd=copy, run=_json_first)["first_bad"] == first_bad
    answer("bisect", "reset", cwd=copy)
    assert inside("bisect", "start", "HEAD~2", "HEAD", cwd=copy).returncode == 2


def _json_first(*words: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    # `answer` puts --json behind the words, where it is the command's that is run.
    return inside(*words[:-1], cwd=cwd, **more)
