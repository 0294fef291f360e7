"""A tiny model on disk, and stores on it that all tests of the command line share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run_inside

Run = Callable[..., subprocess.CompletedProcess[str]]

FAST = ("--set", "steps=2")
"""The tests check what the commands say, not what a random model can learn."""

EDITS: list[dict[str, Any]] = [
    {
        "prompt": "The capital of Australia is",
        "target": "Canberra",
        "subject": "Australia",
        "rephrases": ["Australia's capital is"],
        "locality": [{"prompt": "Water boils at", "answer": "one hundred degrees"}],
        "reason": "the FAQ said Sydney",
    },
    {"prompt": "The author of Emma is", "target": "Jane Austen", "tags": ["books"]},
    {"prompt": "Iron has the symbol", "target": "Fe"},
]


def environment(**more: str) -> dict[str, str]:
    """This process's, without what steers wisedb, and with one thread."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WISEDB_")}
    return {**kept, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "WISEDB_AUTHOR": "Ada <ada@example.org>", **more}


def wisedb(*words: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command line as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "wisedb", *map(str, words)],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def inside(*words: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The same in this process."""
    return run_inside(list(map(str, words)), cwd, environment(**more))


def answer(*words: str | Path, cwd: Path, run: Run = inside, **more: str) -> Any:
    """The JSON document of a command that must succeed and say nothing else."""
    done = run(*words, "--json", cwd=cwd, **more)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random model of two small layers and its tokenizer."""
    from transformers.utils.logging import disable_progress_bar

    from tests.models import tiny_model, tiny_tokenizer

    disable_progress_bar()  # in this process another test may have loaded transformers before the command line could
    folder = tmp_path_factory.mktemp("model")
    tiny_model("llama", seed=0).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Told:
    """A store and what the commands that made it answered.

    History: ``first`` with EDITS[:2], tagged v1, then ``second`` with EDITS[2] and a new target for EDITS[0].
    """

    path: Path
    init: dict[str, Any]
    staged: dict[str, Any]
    first: dict[str, Any]
    second: dict[str, Any]


@pytest.fixture(scope="session")
def told(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The store that tests read; those that change one take a copy."""
    path = tmp_path_factory.mktemp("store")
    begun = answer("init", "--model", model, *FAST, cwd=path)
    (path / "first.jsonl").write_text("".join(json.dumps(edit) + "\n" for edit in EDITS[:2]))
    staged = answer("add", "first.jsonl", cwd=path)
    first = answer("commit", "-m", "first", cwd=path)
    answer("tag", "v1", cwd=path)
    (path / "second.json").write_text(json.dumps([EDITS[2], {**EDITS[0], "target": "Sydney"}]))
    second = answer("commit", "second.json", "-m", "second\n\nwith a body", cwd=path, run=wisedb)
    return Told(path, begun, staged, first, second)


@pytest.fixture
def copy(told: Told, tmp_path: Path) -> Path:
    """A copy of the store, to be changed or broken."""
    return shutil.copytree(told.path, tmp_path / "copy")
