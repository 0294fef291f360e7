"""A worker's failures arrive as what they are, and it never outlives the process that started it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.stores import AUSTRALIA, SETTINGS
from wisedb.bench import child
from wisedb.bench.results import Row
from wisedb.bench.task import Task
from wisedb.errors import ModelNotFound, WisedbError


def task(folder: Path, model: str) -> Task:
    row = Row("keyed", "", "tiny", "one", 0, "one-by-one", 0)
    return Task(folder, row, True, model, None, None, "keyed", SETTINGS, None, (AUSTRALIA,), ((1, ("merge",)),))


def test_an_error_has_its_own_class_again(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="there is no folder") as found:
        list(child.messages(task(tmp_path / "work", "./not/there"), tmp_path / "log"))
    assert found.value.hint and found.value.exit_code == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9"),
        ("raise RuntimeError('out of luck')", "RuntimeError: out of luck"),
        ("import sys; sys.exit(3)", "exit code 3"),
    ],
)
def test_a_death_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str) -> None:
    (tmp_path / "dying.py").write_text(f"import sys; sys.stdin.readline()\n{code}\n")
    monkeypatch.setattr(child, "WORKER", "dying")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WisedbError, match=words) as found:
        list(child.messages(task(tmp_path, "atlas"), tmp_path / "log"))
    assert "worker.log" in found.value.hint and found.value.exit_code == 1


def test_a_worker_ends_with_its_starter(tmp_path: Path) -> None:
    # The worker waits for the lock of its folder for half a minute; nobody is left to wait for.
    starter = textwrap.dedent(
        """
        import sys
        from wisedb.bench import worker
        worker.work = lambda task, *listeners: print("begun", flush=True) or __import__("time").sleep(60)
        worker.main()
        """
    )
    process = subprocess.Popen([sys.executable, "-c", starter], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None and process.stderr is not None
    process.stdin.write(json.dumps(task(tmp_path, "atlas").to_json()).encode() + b"\n")
    process.stdin.flush()
    assert process.stderr.readline() == b"begun\n"
    process.stdin.close()
    assert process.wait(timeout=30) == 1
    process.stderr.close()
