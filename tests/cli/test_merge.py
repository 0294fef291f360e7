"""merge, cherry-pick and the revert of a merge: one document for machines, clear lines for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import EDITS, Told, answer, inside, wisedb

EDIT = {"id", "prompt", "target", "subject", "ground_truth", "rephrases", "locality", "source", "reason", "tags"}
MERGED = {"commit", "conflicts", "how", "preview", "branch", "into", "from", "bases", "edits_added", "edits_reverted"}
MERGED |= {"doubled", "memories", "edits_to_train", "unlearned", "reliability", "seconds", "bytes_written"}
PROMPT = EDITS[0]["prompt"]
MOON = {"prompt": "The moon is made of", "target": "cheese"}


@pytest.fixture
def forked(copy: Path) -> Path:
    """Main says Sydney and Fe; side, from v1, says Perth and knows of the moon."""
    (copy / "side.json").write_text(json.dumps([{**EDITS[0], "target": "Perth"}, MOON]))
    inside("branch", "side", "v1", cwd=copy)
    inside("switch", "side", cwd=copy)
    assert inside("commit", "side.json", "-m", "side", cwd=copy).returncode == 0
    inside("switch", "main", cwd=copy)
    return copy


def targets(folder: Path) -> set[str]:
    return {edit["target"] for edit in answer("facts", cwd=folder)}


def refused(folder: Path, *words: str | Path) -> dict[str, Any]:
    """The error document of a command that must fail and say nothing on stdout."""
    done = inside(*words, "--json", cwd=folder)
    assert done.returncode in (1, 2) and done.stdout == ""
    error: dict[str, Any] = json.loads(done.stderr)["error"]
    assert set(error) == {"kind", "message", "hint"} and error["hint"]
    return error


def test_conflicts_are_a_document_and_exit_with_1(forked: Path, told: Told) -> None:
    before = answer("reflog", cwd=forked)
    done = wisedb("merge", "side", "--json", cwd=forked)
    assert done.returncode == 1 and done.stderr == ""
    found = json.loads(done.stdout)
    assert set(found) >= MERGED and found["commit"] is None
    (conflict,) = found["conflicts"]
    assert set(conflict) == {"prompt", "base", "ours", "theirs"} and conflict["prompt"] == PROMPT
    assert [conflict[side]["target"] for side in ("base", "ours", "theirs")] == ["Canberra", "Sydney", "Perth"]
    assert set(conflict["ours"]) >= EDIT
    assert answer("reflog", cwd=forked) == before
    assert answer("status", cwd=forked)["head"] == told.second["commit"]


def test_people_see_a_table_and_what_to_do(forked: Path) -> None:
    done = inside("merge", "side", cwd=forked)
    assert done.returncode == 1
    title, row, rest = done.stdout.splitlines()
    assert title.split() == ["PROMPT", "BASE", "OURS", "THEIRS"]
    assert row.split("  ")[0] == PROMPT and row.split()[-3:] == ["Canberra", "Sydney", "Perth"]
    assert [title.index(word) for word in ("BASE", "OURS", "THEIRS")] == [
        row.index(word) for word in ("Canberra", "Sydney", "Perth")
    ]
    assert rest == "Without conflict: 1 edit added, 0 put out of force"
    error, hint = done.stderr.splitlines()
    assert error == "error: 1 conflict, and nothing was changed"
    assert hint.startswith("hint: ") and "--resolve FILE" in hint and PROMPT in hint


def test_a_file_of_choices_from_the_preview_to_the_merge(forked: Path) -> None:
    seen = inside("merge", "side", "--preview", "--json", cwd=forked)
    assert seen.returncode == 1
    preview = json.loads(seen.stdout)
    assert preview["preview"] and {"added", "removed", "changed", "resolve"} <= set(preview)
    file = forked / "choices.json"
    file.write_text(json.dumps(preview["resolve"]))
    assert "is not one" in refused(forked, "merge", "side", "--resolve", file)["message"]
    file.write_text(json.dumps({PROMPT: {"target": "Hobart", "reason": "neither"}}))
    made = answer("merge", "side", "--resolve", file, "-m", "Settled", cwd=forked)
    assert set(made) >= MERGED and made["conflicts"] == [] and made["how"] == "merge"
    assert targets(forked) == {"Hobart", "Jane Austen", "Fe", "cheese"}
    newest = answer("log", "-n", "1", cwd=forked)[0]
    assert newest["commit"] == made["commit"] and newest["message"] == "Settled"
    assert newest["parents"] == [made["into"], made["from"]]
    assert answer("fsck", cwd=forked)["ok"]


def test_one_side_decides_and_a_revert_undoes_it(forked: Path, told: Told) -> None:
    made = answer("merge", "side", "--theirs", cwd=forked)
    assert (made["edits_added"], made["edits_reverted"]) == (2, 1)
    assert targets(forked) == {"Perth", "Jane Austen", "Fe", "cheese"}
    blamed = answer("blame", PROMPT, cwd=forked)
    assert blamed["commit"] == made["from"]
    answer("revert", "HEAD", cwd=forked)
    assert targets(forked) == {"Sydney", "Jane Austen", "Fe"}
    answer("revert", made["commit"][:10], "--mainline", "2", cwd=forked)
    assert answer("merge", "side", cwd=forked)["how"] == "up-to-date"


def test_fast_forward_and_what_forbids_it(copy: Path, told: Told) -> None:
    inside("switch", "--create", "later", cwd=copy)
    assert inside("reset", "v1", cwd=copy).returncode == 0
    preview = answer("merge", "main", "--preview", cwd=copy)
    assert (preview["how"], preview["commit"], len(preview["changed"])) == ("fast-forward", None, 1)
    forced = answer("merge", "main", "--no-ff", cwd=copy)
    assert forced["how"] == "merge" and forced["commit"] not in {told.first["commit"], told.second["commit"]}
    inside("reset", "v1", cwd=copy)
    moved = answer("merge", "main", "--ff-only", cwd=copy)
    assert (moved["how"], moved["commit"]) == ("fast-forward", told.second["commit"])
    assert answer("merge", "main", cwd=copy)["how"] == "up-to-date"
    shown = inside("merge", "main", cwd=copy)
    assert shown.stdout == "Already up to date: later has all that main has.\n"


def test_what_is_refused_says_why(forked: Path) -> None:
    assert refused(forked, "merge", "side", "--ff-only")["kind"] == "merge-refused"
    assert refused(forked, "merge", "nowhere")["kind"] == "unknown-revision"
    assert refused(forked, "merge", "side", "--ours", "--resolve", "x.json")["kind"] == "usage"
    assert refused(forked, "merge", "side", "--resolve", "x.json")["kind"] == "io"
    (forked / "x.json").write_text('{"a": "ours", "a": "theirs"}')
    assert refused(forked, "merge", "side", "--resolve", "x.json")["kind"] == "input"
    (forked / "x.json").write_text("[]")
    assert refused(forked, "merge", "side", "--resolve", "x.json")["kind"] == "input"


def test_cherry_pick(forked: Path, told: Told) -> None:
    done = inside("cherry-pick", "side", "--json", cwd=forked)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["commit"] is None and found["conflicts"][0]["prompt"] == PROMPT
    made = answer("cherry-pick", "side", "--ours", cwd=forked)
    assert {"head", "commit", "branch", "conflicts", "picked"} <= set(made)
    newest = answer("log", "-n", "1", cwd=forked)[0]
    assert newest["commit"] == made["commit"] and newest["parents"] == [told.second["commit"]]
    assert newest["message"] == f"side\n\n(cherry picked from commit {found['stopped']})"
    assert targets(forked) == {"Sydney", "Jane Austen", "Fe", "cheese"}
    assert refused(forked, "cherry-pick", "side", "--ours")["kind"] == "nothing-to-commit"
    plain = inside("cherry-pick", "side", "--theirs", cwd=forked)
    assert "picked" in plain.stdout and "1 edit added, 1 put out of force" in plain.stdout


def test_people_read_what_a_merge_did(forked: Path) -> None:
    before = inside("merge", "side", "--theirs", "--preview", cwd=forked).stdout.splitlines()
    assert before[0] == "Would merge side into main"
    assert before[1:3] == ["+ The moon is made of cheese", f"~ {PROMPT} Sydney → Perth"]
    done = inside("merge", "side", "--theirs", cwd=forked).stdout.splitlines()
    assert done[0].startswith("Merged side into main in ")
    assert done[1].startswith("2 edits added, 1 put out of force · ") and "trained" in done[1]
