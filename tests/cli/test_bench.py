"""``wisedb bench`` through the real command."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wisedb.bench import latency, run
from wisedb.bench.results import Row
from wisedb.bench.task import Task
from wisedb.bench.worker import work
from wisedb.editors.registry import editors

from .conftest import EDITS, FAST, Told, answer, environment, inside

KEYS = {
    "editor",
    "mode",
    "model",
    "data",
    "T",
    "protocol",
    "seed",
    "reliability",
    "generalization",
    "locality",
    "exact_match",
    "exact_match_rephrase",
    "seconds_per_edit",
    "prefill_overhead",
    "decode_overhead",
    "bytes_per_edit",
    "peak_rss_bytes",
    "recall_at_1",
    "recall_at_1_rephrase",
    "false_fire",
    "leaked_rephrases",
    "leaked_locality",
    "subjects",
    "format",
    "says_it",
    "says_it_rephrase",
    "forced_agreement",
    "forced_perplexity",
    "base_perplexity",
    "portability",
    "exact_match_portability",
    "text_agreement",
    "text_perplexity",
    "right_by_text",
    "right_by_text_rephrase",
    "disabled_restored",
    "disabled_kept",
    "undo_seconds",
    "undo_restored",
    "undo_kept",
    "flops_per_edit",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "three.jsonl"
    file.write_text("".join(json.dumps(edit) + "\n" for edit in EDITS))
    return file


def keys(rows: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(row["editor"], row["T"], row["mode"]) for row in rows]


def test_killed_and_run_again_it_goes_on_and_never_under_other_conditions(
    tmp_path: Path, model: Path, data: Path
) -> None:
    words = ("bench", "--model", model, "--data", data, "--edits", "1,2", "--modes", "retrieve,oracle", *FAST)
    line = [*map(str, words), "--out", "out"]
    kept = tmp_path / "out" / "results.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "wisedb", *line],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 200
    while not (kept.exists() and b'"retrieve"' in kept.read_bytes()):
        assert process.poll() is None, process.stderr
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate()
    before = kept.read_bytes()

    rows = answer(*line, "--plot", "all.png", cwd=tmp_path)
    assert all(set(row) == KEYS for row in rows)
    modes = ("retrieve", "oracle")
    assert keys(rows) == [
        row for T in (1, 2) for row in (("unedited", T, "base"), *(("keyed", T, mode) for mode in modes))
    ]
    assert kept.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert {(row["model"], row["data"], row["protocol"], row["seed"]) for row in rows} == {
        (model.name, "three.jsonl", "one-by-one", 0)
    }
    assert all(row["peak_rss_bytes"] > 0 for row in rows)
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "figures.svg").exists() and (tmp_path / "out" / "compared.svg").exists()
    assert (tmp_path / "out" / "table.csv").read_text().startswith("editor,mode,model,")
    assert "| 2 | keyed | oracle |" in (tmp_path / "out" / "table.md").read_text()
    assert "Fatal" not in (tmp_path / "out" / "work" / "keyed" / "worker.log").read_text()

    # All is there: nothing is measured again, and another mode is added to what is there.
    told = inside(*line, cwd=tmp_path)
    assert told.returncode == 0 and "three.jsonl on" in told.stdout and "retrieve" in told.stdout
    other = inside(*line, "--protocol", "batch", cwd=tmp_path)
    assert other.returncode == 1 and other.stdout == ""
    assert "error: out was begun under other conditions: lengths" in other.stderr
    assert len(other.stderr.splitlines()) == 2


def test_several_seeds_and_no_subjects(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Task] = []

    def measured(task: Task, log: Path) -> Iterator[dict[str, Any]]:
        told.append(task)
        for T, (mode,) in task.wanted:
            yield {"row": replace(task.row, T=T, mode=mode, reliability=task.row.seed / 2).to_json()}

    monkeypatch.setattr(run, "messages", measured)
    line = ("bench", "--data", data, "--edits", "2", "--modes", "retrieve", "--seeds", "0,1", "--out", "out")
    done = inside(*line, "--without-subjects", "--json", cwd=tmp_path)
    rows = json.loads(done.stdout)
    assert [(row["editor"], row["seed"], row["subjects"]) for row in rows] == [
        (editor, seed, False) for editor in ("unedited", "keyed") for seed in (0, 1)
    ]
    assert [task.folder.name for task in told] == ["unedited", "keyed", "unedited-seed-1", "keyed-seed-1"]
    assert [task.row.seed for task in told] == [0, 0, 1, 1]
    assert not any(edit.subject for task in told for edit in task.stream)
    table = (tmp_path / "out" / "table.md").read_text()
    assert "seeds: 0, 1" in table and "taken out of the stream" in table and "| 0.250 ±0.354 |" in table
    # Another seed joins those that are there.
    assert inside(*line[:-4], "--seed", "2", "--out", "out", "--without-subjects", cwd=tmp_path).returncode == 0
    assert [task.row.seed for task in told[4:]] == [2, 2]


def test_fields_of_the_data_that_nothing_has_a_place_for_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "messages", lambda task, log: iter(()))
    record = {
        "case_id": 1,
        "prompt": "The capital of {} is",
        "subject": "Peru",
        "target_new": "Cusco",
        "ground_truth": "L",
    }
    (tmp_path / "one.json").write_text(json.dumps([record]))
    done = inside("bench", "--data", "one.json", "--edits", "1", "--out", "out", cwd=tmp_path)
    assert "left out, since an edit has no place for it: case_id (1)" in done.stderr


def test_inside_a_store_its_model_is_taken_and_nothing_else_touched(
    copy: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(task: Task, log: Path) -> Iterator[dict[str, Any]]:
        found: list[Row] = []
        work(task, found.append)
        yield from ({"row": row.to_json()} for row in found)

    monkeypatch.setattr(run, "messages", measured)
    monkeypatch.setattr(latency, "SECONDS", 0.0)
    before = {path: path.stat().st_mtime_ns for path in (copy / ".wisedb").rglob("*")}
    words = (
        "--data",
        data,
        "--edits",
        "2",
        "--protocol",
        "batch",
        "--modes",
        "merge",
        "--editors",
        "keyed",
        *FAST,
    )
    rows = answer("bench", *words, cwd=copy)
    assert keys(rows) == [("unedited", 2, "base"), ("keyed", 2, "merge")]
    assert rows[1]["protocol"] == "batch" and rows[1]["bytes_per_edit"] > 0
    assert {path: path.stat().st_mtime_ns for path in (copy / ".wisedb").rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--editors", "keyed,nope"), 2, "there is no editor 'nope'"),
        (("--editors", ","), 2, "no editor is named"),
        (("--edits", "1,4"), 1, "4 edits are asked for, three.jsonl holds 3"),
        (("--edits", "many"), 2, "not a list of numbers"),
        (("--modes", "guess"), 2, "there is no mode 'guess'"),
        (("--plot", "figures.gif"), 2, "neither .svg nor .png"),
        (("--data", "nothing.jsonl"), 1, "there is no file"),
    ],
)
def test_a_wrong_call_measures_nothing(
    tmp_path: Path, data: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = inside("bench", "--data", data, "--edits", "1", *words, "--out", "out", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in json.loads(done.stderr)["error"]["message"]
    assert not (tmp_path / "out").exists()


def test_an_unknown_editor_is_told_which_there_are(tmp_path: Path, told: Told) -> None:
    done = inside("bench", "--editors", "nope", "--json", cwd=told.path)
    assert ", ".join(editors()) in json.loads(done.stderr)["error"]["hint"]


def test_a_setting_that_there_is_not_is_told_by_the_worker(tmp_path: Path, model: Path, data: Path) -> None:
    words = ("bench", "--model", model, "--data", data, "--edits", "1", "--set", "stepps=2", "--json")
    wrong = inside(*words, cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    error = json.loads(wrong.stderr)["error"]
    assert error["kind"] == "unknown-setting" and "stepps" in error["message"] and "steps" in error["hint"]
