"""``add`` and ``edit`` for people: what was replaced, skipped, left out and misnamed, in a summary."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from .conftest import answer, inside

PROMPT = "The capital of Freedonia is"


def _file(path: Path, count: int, **more: object) -> str:
    path.write_text(
        "".join(json.dumps({"prompt": f"Number {n} is", "target": str(n), **more}) + "\n" for n in range(count))
    )
    return path.name


def test_a_second_edit_of_a_prompt_replaces_the_first_and_says_so(copy: Path) -> None:
    answer("edit", PROMPT, "Fredville", cwd=copy)
    more = answer("edit", PROMPT, "Fredville", "--subject", "Freedonia", "--reason", "moved", cwd=copy)
    (staged,) = more["staged"]
    assert (staged["subject"], staged["reason"]) == ("Freedonia", "moved")
    assert [edit["reason"] for edit in more["replaced"]] == [None]
    done = inside("edit", PROMPT, "Marxburg", cwd=copy)
    assert done.returncode == 0 and "replaced 'Fredville' by 'Marxburg': " + PROMPT in done.stdout
    (copy / "a.jsonl").write_text(json.dumps({"prompt": PROMPT, "target": "Fredville"}))
    assert [edit["target"] for edit in answer("add", "a.jsonl", cwd=copy)["replaced"]] == ["Marxburg"]


def test_edit_fills_in_its_subject(copy: Path) -> None:
    made = answer("edit", "The capital of {} is", "Fredville", "--subject", "Freedonia", "--rephrase", "{}?", cwd=copy)
    assert (made["staged"][0]["prompt"], made["staged"][0]["rephrases"]) == (PROMPT, ["Freedonia?"])
    refused = inside("edit", "The capital of {} is", "Fredville", cwd=copy)
    assert refused.returncode == 1 and "no subject" in refused.stderr


def test_many_edits_are_summed_up(copy: Path) -> None:
    done = inside("add", _file(copy / "many.jsonl", 500), cwd=copy)
    assert "500 edits staged, 500 of them now" in done.stdout and "wisedb status" in done.stdout
    assert len(done.stdout.splitlines()) < 10
    assert len(answer("status", cwd=copy)["staged"]) == 500


def test_all_bad_records_are_listed_and_can_be_skipped(copy: Path) -> None:
    lines = [
        {"prompt": "p", "target": "t"},
        *({"prompt": f"bad {n}"} for n in range(30)),
        {"prompt": "p", "target": "x"},
    ]
    (copy / "f.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines[:-1]) + "nonsense\n")
    refused = inside("add", "f.jsonl", cwd=copy)
    assert refused.returncode == 1 and refused.stderr.count("is missing") == 20 and "11 more" in refused.stderr
    told = json.loads(inside("add", "f.jsonl", "--json", cwd=copy).stderr)["error"]
    assert told["kind"] == "bad-record" and [each["record"] for each in told["records"]] == list(range(2, 33))
    assert answer("status", cwd=copy)["staged"] == []
    taken = answer("add", "f.jsonl", "--skip-bad", cwd=copy)
    assert [edit["prompt"] for edit in taken["staged"]] == ["p"] and len(taken["skipped"]) == 31
    rest = (copy / "f.jsonl.bad.jsonl").read_text().splitlines()
    assert rest == [*(json.dumps(line) for line in lines[1:-1]), "nonsense"]
    again = answer("add", "f.jsonl", "--skip-bad", cwd=copy)
    assert again["skipped_to"] == ["f.jsonl.bad.2.jsonl"], "what was written before is not overwritten"


def test_what_can_not_be_read_to_its_end_is_not_skipped(copy: Path) -> None:
    (copy / "f.csv").write_text('prompt,target\np,t\n"a,b\nc,d\n')
    refused = inside("add", "f.csv", "--skip-bad", cwd=copy)
    assert refused.returncode == 1 and "nothing behind it was read" in refused.stderr
    assert answer("status", cwd=copy)["staged"] == []


def test_records_that_contradict_each_other_are_refused_or_skipped(copy: Path) -> None:
    (copy / "f.json").write_text(json.dumps([{"prompt": "p", "target": "t"}, {"prompt": "P ", "target": "u"}]))
    refused = inside("add", "f.json", cwd=copy)
    assert refused.returncode == 1 and "record 2" in refused.stderr and "record 1" in refused.stderr
    taken = answer("add", "f.json", "--skip-bad", cwd=copy)
    assert [edit["target"] for edit in taken["staged"]] == ["t"] and taken["skipped"][0]["record"] == 2


def test_a_dry_run_shows_edits_as_understood_and_stages_nothing(copy: Path) -> None:
    _file(copy / "f.jsonl", 5, case_id=1, rephrase_prompt="r")
    (copy / "f.jsonl").write_text(
        (copy / "f.jsonl").read_text().replace('"target"', '"target_new"') + '{"prompt": 3}\n'
    )
    told = answer("add", "f.jsonl", "--dry-run", cwd=copy)
    assert told["edits"] == 5 and len(told["first"]) == 3 and told["left_out"] == {"case_id": 5}
    assert [each["record"] for each in told["bad"]] == [6]
    shown = inside("add", "f.jsonl", "--dry-run", cwd=copy).stdout
    assert "prompt: Number 2 is" in shown and "Number 3" not in shown and "left out: case_id (5)" in shown
    assert answer("status", cwd=copy)["staged"] == []


def test_fields_layouts_folders_and_stdin(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "q.csv").write_text("question;new_answer;topic\nWho?;Me;x\n")
    done = inside("add", "q.csv", "--fields", "prompt=question,target=new_answer", cwd=copy)
    assert done.returncode == 0 and "topic (1)" in done.stderr
    wrong = inside("add", "q.csv", "--layout", "nothing", cwd=copy)
    assert wrong.returncode == 2 and "mquake" in wrong.stderr
    (copy / "folder").mkdir()
    _file(copy / "folder" / "a.jsonl", 2)
    assert len(answer("add", "folder", cwd=copy)["staged"]) == 3
    piped = json.dumps({"prompt": "From a pipe", "target": "t"}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))
    assert answer("add", "-", cwd=copy)["staged"][-1]["prompt"] == "From a pipe"


def test_a_subject_that_is_not_in_the_prompt_is_warned_of(copy: Path) -> None:
    done = inside("edit", "Who wrote Hamlet?", "Bacon", "--subject", "Shakespeare", cwd=copy)
    assert done.returncode == 0 and "warning: 1 edit with a subject that is not in the prompt" in done.stderr
    assert "warning" not in inside("edit", "who wrote hamlet?", "Bacon", "--subject", "Hamlet", cwd=copy).stderr
