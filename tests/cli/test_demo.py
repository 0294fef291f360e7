"""The tour, on a tiny model: every step happens, and every command that it shows can be typed again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from wisedb.cli.demo import quoted

from .conftest import EDITS, FAST, answer, inside, wisedb


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six edits."""
    more: list[dict[str, Any]] = [{"prompt": f"The number after {n} is", "target": str(n + 2)} for n in range(3)]
    path = tmp_path_factory.mktemp("data") / "edits.json"
    path.write_text(json.dumps([*EDITS, *more]))
    return path


@pytest.fixture(scope="module")
def tour(model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The folder that was kept, and the steps."""
    folder = tmp_path_factory.mktemp("tour")
    words = ("demo", "--dir", folder / "store", "--model", model, "--data", data, *FAST)
    return folder / "store", answer(*words, cwd=folder)


def test_the_steps_in_their_order(tour: tuple[Path, list[dict[str, Any]]]) -> None:
    _, steps = tour
    assert [shlex.split(step["command"])[1] for step in steps] == [
        "init",
        "generate",
        "commit",
        "generate",
        "commit",
        "diff",
        "blame",
        "generate",
        "rollback",
        "generate",
        "fsck",
    ]
    results = {step["step"]: step["result"] for step in steps}
    assert results["first commit"]["edits_added"] == 4
    assert results["second commit"]["edits_added"] == 2
    assert len(results["diff"]["added"]) == 2
    assert results["blame"]["commit"] == results["second commit"]["commit"]
    assert results["fsck"]["ok"] is True
    asked = [item["prompt"] for item in results["ask edited, rephrased, unrelated"]]
    assert asked == [EDITS[0]["prompt"], EDITS[0]["rephrases"][0], EDITS[0]["locality"][0]["prompt"]]


def test_answers_are_held_against_what_they_should_be(tour: tuple[Path, list[dict[str, Any]]]) -> None:
    _, steps = tour
    checks = {step["step"]: step["checks"] for step in steps if "checks" in step}
    before = {item["prompt"]: item["text"] for item in steps[1]["result"]}
    assert list(checks) == ["ask edited, rephrased, unrelated", "ask the newest", "ask again"]
    unrelated = checks["ask edited, rephrased, unrelated"][-1]
    assert unrelated["expected"] == before[unrelated["prompt"]]
    # Two steps do not teach a random model anything, and the tour must say so.
    assert checks["ask the newest"] == [{"prompt": "The number after 1 is", "expected": "3", "ok": False}]


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        ("HEAD~1", "HEAD~1"),
        ("./store", "./store"),
        ("two words", '"two words"'),
        ("Monday's", '"Monday\'s"'),
        ("", '""'),
        ('say "hi"', "'say \"hi\"'"),
        ("$HOME", "'$HOME'"),
        ("~/x", '"~/x"'),
    ],
)
def test_words_are_quoted_as_people_do(word: str, typed: str) -> None:
    assert quoted(word) == typed
    assert shlex.split(typed) == [word]


def test_the_commands_can_be_typed_again(tour: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, steps = tour
    assert {path.name for path in folder.iterdir()} == {".wisedb", "monday.jsonl", "tuesday.jsonl"}
    last = steps[-2]
    assert answer(*shlex.split(last["command"])[1:], cwd=folder) == last["result"]
    assert len(answer("facts", cwd=folder)) == 4


def test_the_narrative_shows_commands_and_answers(model: Path, data: Path, tmp_path: Path) -> None:
    done = wisedb("demo", "--model", model, "--data", data, *FAST, cwd=tmp_path, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for verb in ("init", "generate", "commit", "diff", "blame", "rollback", "fsck"):
        assert f"$ wisedb {verb}" in done.stdout
    assert "all is well" in done.stdout
    # Without --dir nothing stays behind.
    assert list(tmp_path.iterdir()) == []


def test_too_few_edits_are_refused_before_anything_is_made(model: Path, tmp_path: Path) -> None:
    (tmp_path / "few.json").write_text(json.dumps(EDITS))
    done = inside("demo", "--dir", "store", "--model", model, "--data", "few.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "6 edits" in done.stderr
    assert not (tmp_path / "store").exists()
