"""Failures on purpose: one clear line each, the right exit code, and a store that is unharmed."""

from __future__ import annotations

import errno
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from wisedb.canonical import canonical_json, digest
from wisedb.cli import failures, main
from wisedb.errors import BadRecord, RefMoved, UnknownSetting
from wisedb.store.store import Store

from .conftest import EDITS, Told, answer, environment, inside, wisedb


def fails(*words: str | Path, cwd: Path, kind: str, code: int = 1) -> str:
    """Run it for people and for machines; return the one line."""
    told_people = inside(*words, cwd=cwd)
    assert told_people.returncode == code, told_people.stdout + told_people.stderr
    assert told_people.stdout == ""
    lines = told_people.stderr.splitlines()
    assert len(lines) <= 2, told_people.stderr
    assert lines[0].startswith("error: ")
    assert all(line.startswith("hint: ") for line in lines[1:])
    told_machines = inside(*words, "--json", cwd=cwd)
    assert (told_machines.returncode, told_machines.stdout) == (code, "")
    error = json.loads(told_machines.stderr)["error"]
    # Of a file that holds bad records, each of them.
    assert set(error) == {"kind", "message", "hint"} | ({"records"} if kind == "bad-record" else set())
    assert error["kind"] == kind, error
    return lines[0]


def test_not_a_store(tmp_path: Path) -> None:
    line = fails("log", cwd=tmp_path, kind="not-a-store")
    alone = wisedb("log", cwd=tmp_path)
    assert (alone.returncode, alone.stdout, alone.stderr.splitlines()[0]) == (1, "", line)


def test_a_store_is_there_already(told: Told, model: Path) -> None:
    fails("init", "--model", model, cwd=told.path, kind="store-exists")
    assert answer("fsck", cwd=told.path)["ok"]


def test_no_such_model(tmp_path: Path) -> None:
    fails("init", "--model", "./nowhere", cwd=tmp_path, kind="model-not-found")
    assert not (tmp_path / ".wisedb").exists()


@pytest.mark.parametrize(
    ("content", "words"), [(None, "can't be read"), (b"\xff\xfe", "not UTF-8"), (b"one\n\ntwo\n", "holds 2 prompts")]
)
def test_a_pool_that_is_none(content: bytes | None, words: str, tmp_path: Path, model: Path) -> None:
    if content is not None:
        (tmp_path / "pool.txt").write_bytes(content)
    done = inside("init", "--model", model, "--pool", "pool.txt", cwd=tmp_path)
    assert done.returncode == 1 and words in done.stderr.splitlines()[0]
    assert not (tmp_path / ".wisedb").exists()


def test_unknown_revision(told: Told) -> None:
    assert "nowhere" in fails("show", "nowhere", cwd=told.path, kind="unknown-revision")


def test_ambiguous_id(copy: Path, told: Told) -> None:
    # No four digits of three ids are alike by chance: a file whose name begins like the first commit's stands in.
    name = told.first["commit"]
    twin = name[:8] + ("0" if name[8] != "0" else "1") * 56
    folder = copy / ".wisedb" / "objects" / twin[:2]
    shutil.copy(folder / f"{name[2:]}.json", folder / f"{twin[2:]}.json")
    assert name[:6] in fails("show", name[:6], cwd=copy, kind="ambiguous-id")


def test_unknown_edit(told: Told) -> None:
    fails("revert", "0000", cwd=told.path, kind="unknown-edit")


def test_nothing_to_commit(told: Told) -> None:
    fails("commit", "-m", "empty", cwd=told.path, kind="nothing-to-commit")


def test_unknown_setting(copy: Path) -> None:
    words = ("commit", "first.jsonl", "-m", "no", "--set", "stepz=3")
    assert "stepz" in fails(*words, cwd=copy, kind="unknown-setting", code=2)


def test_unknown_editor(copy: Path, tmp_path: Path, model: Path) -> None:
    head = answer("status", cwd=copy)["head"]
    words = ("commit", "first.jsonl", "-m", "no", "--editor", "nope")
    assert "there is no editor 'nope'" in fails(*words, cwd=copy, kind="unknown-editor", code=2)
    status = answer("status", cwd=copy)
    assert (status["head"], status["staged"]) == (head, [])
    begin = ("init", "--model", str(model), "--editor", "nope")
    assert "there is no editor 'nope'" in fails(*begin, cwd=tmp_path, kind="unknown-editor", code=2)
    assert not (tmp_path / ".wisedb").exists()
    # The hint names the one that was meant.
    told = inside("commit", "first.jsonl", "-m", "no", "--editor", "keyd", cwd=copy)
    assert "Did you mean 'keyed'?" in told.stderr


def with_head(folder: Path, spoil: Callable[[dict[str, Any]], None]) -> str:
    """Let the branch stand at a commit such as a newer wisedb might write; returns its id."""
    store = Store.open(folder)
    record = store.head_commit()[1].to_json()
    spoil(record)
    data = canonical_json(record)
    path = store.objects.commit_path(digest(data))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    (store.root / "refs" / "heads" / "main").write_text(f"{digest(data)}\n")
    return digest(data)


def test_a_commit_of_a_newer_format(copy: Path) -> None:
    def newer(record: dict[str, Any]) -> None:
        record["format"] = 3

    commit_id = with_head(copy, newer)
    for words in (("log",), ("generate", EDITS[0]["prompt"]), ("facts",)):
        assert "format 3" in fails(*words, cwd=copy, kind="format-too-new")
    found = inside("fsck", "--json", cwd=copy)
    problems = json.loads(found.stdout)["problems"]
    assert found.returncode == 1
    assert [problem["kind"] for problem in problems if problem["object"] == commit_id] == ["format-too-new"]


def test_a_memory_of_a_kind_that_a_newer_version_brings(copy: Path) -> None:
    def newer(record: dict[str, Any]) -> None:
        record["memories"][0]["kind"] = "hologram"

    with_head(copy, newer)
    for words in (("generate", EDITS[0]["prompt"]), ("explain", EDITS[0]["prompt"]), ("eval",)):
        assert "knows no memory of the kind 'hologram'" in fails(*words, cwd=copy, kind="format-too-new")
    # Nobody but wisedb moved the ref: its log doesn't know.
    problems = {each["kind"]: each for each in json.loads(inside("fsck", "--json", cwd=copy).stdout)["problems"]}
    assert set(problems) == {"format-too-new", "corrupt-ref"}
    assert "'hologram'" in problems["format-too-new"]["detail"]
    shown = inside("fsck", cwd=copy)
    assert (shown.returncode, shown.stderr) == (1, "")
    # History needs nobody who knows the kind.
    assert len(answer("log", cwd=copy)) == 3
    assert answer("show", "HEAD", cwd=copy)["memories"][0]["kind"] == "hologram"
    assert len(answer("facts", cwd=copy)) == 3


def test_a_store_of_a_newer_format(copy: Path) -> None:
    config = copy / ".wisedb" / "config.toml"
    config.write_text(config.read_text().replace("format = 2", "format = 3"))
    for words in (("status",), ("log",), ("commit", "first.jsonl", "-m", "no")):
        assert "format 3" in fails(*words, cwd=copy, kind="format-too-new")


def test_bad_record_stages_nothing(copy: Path) -> None:
    (copy / "bad.jsonl").write_text(json.dumps(EDITS[2]) + '\n{"prompt": "No target is"}\n')
    line = fails("add", "bad.jsonl", cwd=copy, kind="bad-record")
    assert "bad.jsonl" in line
    assert "2" in line
    assert answer("status", cwd=copy)["staged"] == []


def test_missing_file(copy: Path) -> None:
    assert "missing.jsonl" in fails("add", "missing.jsonl", cwd=copy, kind="input")


def test_another_base_model(copy: Path, tmp_path: Path, model: Path) -> None:
    other = tmp_path / "model"
    shutil.copytree(model, other)
    config = copy / ".wisedb" / "config.toml"
    config.write_text(config.read_text().replace(str(model), str(other)))
    tokenizer = other / "tokenizer.json"
    document = json.loads(tokenizer.read_text())
    document["added_tokens"][-1]["lstrip"] = not document["added_tokens"][-1]["lstrip"]
    tokenizer.write_text(json.dumps(document))
    fails("generate", "Iron has the symbol", cwd=copy, kind="base-model-mismatch")


def test_a_half_written_object_is_found(copy: Path) -> None:
    victim = max((copy / ".wisedb" / "objects").rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-100])
    done = inside("fsck", "--json", cwd=copy)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["ok"] is False
    assert set(found["problems"][0]) >= {"kind", "object", "detail"}
    shown = inside("fsck", cwd=copy)
    assert shown.returncode == 1
    assert shown.stderr == ""
    assert "1 problem" in shown.stdout


def test_a_corrupt_index_is_repaired(copy: Path) -> None:
    before = answer("facts", cwd=copy)
    for file in (copy / ".wisedb" / "index").iterdir():
        file.chmod(0o644)
        file.write_bytes(b"this is no database")
    assert answer("facts", cwd=copy) == before
    assert answer("fsck", cwd=copy)["ok"]


def test_a_path_below_a_file(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").write_text("")
    done = inside("init", tmp_path / "file" / "store", "--model", model, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "internal" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("log", "--frobnicate"),
        ("commit",),
        ("log", "-n", "many"),
        ("commit", "-m", "x", "--set", "steps"),
        ("commit", "-m", "x", "--date", "yesterday"),
        ("branch", "--delete"),
        ("init", "--layer", "1", "--target", "x"),
        ("export", "HEAD", "out", "--format", "zip"),
    ],
    ids=" ".join,
)
def test_wrong_calls(words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["-C", str(tmp_path), *words]) == 2
    told_people = capsys.readouterr()
    assert told_people.out == ""
    assert [line.split(":")[0] for line in told_people.err.splitlines()] == ["error", "hint"]
    assert main.run(["-C", str(tmp_path), *words, "--json"]) == 2
    told_machines = capsys.readouterr()
    assert told_machines.out == ""
    assert json.loads(told_machines.err)["error"]["kind"] == "usage"


def test_a_misspelt_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["comit"]) == 2
    assert "did you mean commit" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([]) == 2
    told_people = capsys.readouterr()
    assert told_people.out == ""
    assert "Usage: wisedb" in told_people.err


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (BadRecord("a.csv", 3, "target", "is empty"), "bad-record", 1),
        (UnknownSetting("no such setting"), "unknown-setting", 2),
        (RefMoved("main has moved"), "ref-moved", 1),
        (click.BadParameter("no"), "usage", 2),
        (OSError(errno.ENOSPC, "No space left on device", "blob"), "no-space", 1),
        (OSError(errno.EROFS, "Read-only file system", "blob"), "store-not-writable", 1),
        (PermissionError(errno.EACCES, "Permission denied", "blob"), "store-not-writable", 1),
        (FileNotFoundError(errno.ENOENT, "No such file", "blob"), "io", 1),
        (OSError("a message of its own"), "io", 1),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), "input", 1),
        (MemoryError(), "out-of-memory", 1),
        (KeyboardInterrupt(), "interrupted", 130),
        (ZeroDivisionError("two\nlines"), "internal", 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_error_is_one_line(
    error: BaseException, kind: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failures.report(error, as_json=True, debug=False) == code
    assert json.loads(capsys.readouterr().err)["error"]["kind"] == kind
    assert failures.report(error, as_json=False, debug=False) == code
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: ")
    assert len(lines) <= 2


def test_errors_inside_a_command(
    told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from wisedb.repository import Repository

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/store/objects/ab")

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def faulty(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault")

    words = ["-C", str(told.path), "log"]
    monkeypatch.setattr(Repository, "log", full)
    assert main.run(words) == 1
    assert "no space left on the disk: /store/objects/ab" in capsys.readouterr().err
    monkeypatch.setattr(Repository, "log", stopped)
    assert main.run([*words, "--json"]) == 130
    # No empty line for the terminal's ^C: stderr is the one document.
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr(Repository, "log", faulty)
    assert main.run(words) == 1
    quiet = capsys.readouterr().err
    assert "internal error: ZeroDivisionError: a fault" in quiet
    assert "Traceback" not in quiet
    assert main.run(["--debug", *words]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_full_disk_behind_stdout(told: Told) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wisedb", "log"],
            cwd=told.path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: no space left")
    assert "Exception ignored" not in done.stderr


def test_a_reader_that_goes_away(told: Told) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "wisedb", "log"],
        cwd=told.path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 1
    process.stderr.close()


def test_ctrl_c_while_training_leaves_the_store_as_it_was(copy: Path, told: Told) -> None:
    # stderr is a terminal here: the bar tells when the first of many edits is trained.
    many = [{"prompt": f"The number after {n} is", "target": str(n + 2)} for n in range(200)]
    (copy / "many.json").write_text(json.dumps(many))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "wisedb", "commit", "many.json", "-m", "long"],
        cwd=copy,
        env=environment(TERM="xterm", COLUMNS="100"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        # Whoever runs the tests in the background may have Ctrl-C ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(theirs)
    seen = b""
    while b"training" not in seen:
        seen += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            seen += os.read(ours, 4096)  # a terminal that nobody reads would block the bar
        except OSError:  # the other end is closed
            break
    os.close(ours)
    out, _ = process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert b"interrupted" in seen
    assert b"Traceback" not in seen
    assert answer("log", "-n", "1", cwd=copy)[0]["commit"] == told.second["commit"]
    assert answer("fsck", cwd=copy)["ok"]
