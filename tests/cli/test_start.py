"""Before anything is imported: closed descriptors, and Ctrl-C in the first moments."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wisedb.cli import main
from wisedb.cli.session import Session
from wisedb.store.fsck import fsck
from wisedb.store.store import Store

FORMAT_1 = Path(__file__).parent.parent / "format1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FORMAT_1 / "store", tmp_path / ".wisedb")
    return tmp_path


@pytest.fixture(autouse=True)
def _interruptions_are_heard() -> Iterator[None]:
    """A job in the background is begun with them ignored, and hands that down to the tests in it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def shut(*numbers: int) -> Callable[[], None]:
    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_nothing_is_printed_into_the_store(folder: Path, closed: tuple[int, ...]) -> None:
    words = (["branch", "new"], ["status"], ["show", "nowhere"], ["tag", "v9", "-m", "said"])
    for number, arguments in enumerate(words):
        done = subprocess.run(
            [sys.executable, "-m", "wisedb", *arguments], cwd=folder, preexec_fn=shut(*closed), check=False,
            stdin=None, stdout=None, stderr=None,
        )  # fmt: skip
        assert done.returncode == (1 if number == 2 else 0), arguments
    store = Store.open(folder)
    assert (store.root / "lock").read_bytes() == b""
    assert "new" in store.refs.branches() and "v9" in store.refs.tags()
    assert {problem.kind for problem in fsck(store).problems} <= {"corrupt-reflog"}


def test_the_answer_still_comes_where_it_can(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wisedb", "branch", "--json"], cwd=folder, preexec_fn=shut(0, 2),
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)


@pytest.mark.parametrize("wait", [0.0, 0.03, 0.08, 0.15, 0.25, 0.4])
@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_at_any_moment_is_one_line(folder: Path, wait: float, as_json: bool) -> None:
    words = [sys.executable, "-m", "wisedb", "facts", *(["--json"] if as_json else [])]
    # Python itself needs some moments before any line of ours runs; from then on it is ours to answer.
    code = "import sys, wisedb.cli.start as s; print(flush=True); sys.argv = sys.argv[1:]; s.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words[2:]],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.002 + wait)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert b"Traceback" not in said
    if process.returncode != 0:  # it was quicker
        assert process.returncode == 130
        if as_json:
            assert json.loads(said)["error"]["kind"] == "interrupted"
        else:
            assert said.startswith(b"error: interrupted") and said.count(b"\n") == 2


def test_an_import_that_takes_the_interruption_for_its_own_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(self: Session) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("a library could not be imported") from None

    monkeypatch.setattr(Session, "repository", failing)
    monkeypatch.chdir(folder)
    assert main.run(["status", "--json"]) == 130
    assert json.loads(capsys.readouterr().err)["error"]["kind"] == "interrupted"


def test_what_has_moved_by_then_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    real = Session.tell

    def pressed(self: Session, *words: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Session, "tell", pressed)
    monkeypatch.chdir(folder)
    assert main.run(["branch", "new"]) == 130
    said = capsys.readouterr().err
    assert "interrupted after 1 ref had moved" in said and "reflog" in said
    assert "new" in Store.open(folder).refs.branches()
    monkeypatch.setattr(Session, "tell", real)
    monkeypatch.setattr(Session, "repository", pressed)
    assert main.run(["status"]) == 130
    assert "as it was before" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before
