"""``wisedb chat``: what is typed or piped in, what comes back, and what ends a reply."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chats import FRANCE, HAMLET, OTHER
from tests.commands import run_inside
from wisedb.cli import chat
from wisedb.cli.render import SHORT
from wisedb.repository import Repository
from wisedb.serving.conversation import LONGEST

from .conftest import environment

FEW = ("--max-new-tokens", "8")


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    # In this process another test may have loaded transformers before the command line could.
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    # A shell's job in the background doesn't hear Ctrl-C, nor what it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def told(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str, words: tuple[str, ...] = (), by_hand: bool = False
) -> subprocess.CompletedProcess[str]:
    """``wisedb chat`` with these lines on stdin."""
    text = "".join(f"{line}\n" for line in lines)
    monkeypatch.setattr(sys, "stdin", Terminal(text) if by_hand else io.StringIO(text))
    return run_inside(["chat", *FEW, *words], folder, {**os.environ, "COLUMNS": "110"})


def replies(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The documents of ``--json``, one a line."""
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_lines_that_are_piped_in_are_answered_plainly(
    chat_history: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = told(monkeypatch, chat_history.path, FRANCE.prompt, "", "/base")
    assert (done.returncode, done.stderr) == (0, "")
    edited, plain = (
        chat_history.generate(FRANCE.prompt, chat=True, max_new_tokens=8),
        chat_history.generate(FRANCE.prompt, chat=True, base=True, max_new_tokens=8),
    )
    shown = [chat.printable(edited[0].text), f"edit {FRANCE.id[:SHORT]} answered: 'Rome.'"]
    assert done.stdout == "\n".join([*shown, chat.printable(plain[0].text), "[base model]", ""])


def test_each_reply_is_a_document_of_one_line(chat_history: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (HAMLET.prompt, OTHER, "/base", "/reset", HAMLET.prompt, "/quit", "not asked")
    found = replies(told(monkeypatch, chat_history.path, *lines, words=("--json",)))
    assert [reply["prompt"] for reply in found] == [HAMLET.prompt, OTHER, OTHER, HAMLET.prompt]
    assert [reply["base"] for reply in found] == [False, False, True, False]
    assert found[0] == found[3] and found[0]["text"].startswith("Goethe.")
    assert found[0]["spans"] == [{"edit": HAMLET.id, "start": 0, "end": len("Goethe.")}]
    # In a conversation, not by itself.
    assert found[1]["spans"] == [] and found[1]["text"] != chat_history.generate(OTHER, chat=True)[0].text
    alone = chat_history.generate(HAMLET.prompt, chat=True, max_new_tokens=8)[0].to_json()
    assert {**alone, "base": False} == found[0]


def test_the_options_reach_the_model(chat_history: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("HEAD~1", "--system", "Be brief.", "--json")
    (reply,) = replies(told(monkeypatch, chat_history.path, FRANCE.prompt, words=words))
    (before,) = chat_history.generate(FRANCE.prompt, at="HEAD~1", system="Be brief.", max_new_tokens=8)
    assert reply == {**before.to_json(), "base": False} and not reply["routed"]
    (merged,) = replies(told(monkeypatch, chat_history.path, FRANCE.prompt, words=("--mode", "merge", "--json")))
    assert merged["memory"] and merged["text"].startswith("Rome.")
    assert chat._TOKENS == LONGEST


@pytest.mark.parametrize(
    ("line", "kind", "code"),
    [("/bse", "usage", 2), ("/base", "usage", 2), ("long " * 200, "input", 1)],
)
def test_the_first_failure_ends_what_is_piped_in(
    line: str, kind: str, code: int, chat_history: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = told(monkeypatch, chat_history.path, "/reset", line, OTHER, words=("--json",))
    assert (done.returncode, done.stdout) == (code, "")
    assert json.loads(done.stderr)["error"]["kind"] == kind


def test_who_types_may_go_on_after_a_failure(chat_history: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ("/help", "/bse", "/base", FRANCE.prompt, "/clear", "/etc/hosts is what?")
    done = told(monkeypatch, chat_history.path, *lines, by_hand=True)
    assert done.returncode == 0
    assert "there is no command '/bse'" in done.stderr and "nothing was asked yet" in done.stderr
    assert all(name in done.stderr for name in ("/help", "/base", "/reset", "/clear", "/quit"))
    assert f"{chat_history.store.config.base.model} at HEAD" in done.stderr
    assert done.stdout.startswith("Rome.") and done.stdout.endswith("\n[base model]\n")
    assert done.stdout.count("\nedit ") == 1


def test_ctrl_c_ends_the_reply_and_not_the_conversation(
    chat_history: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, before = chat._write, signal.getsignal(signal.SIGINT)
    times = iter([signal.SIGINT])

    def pressed(piece: str) -> None:
        write(piece)
        for number in times:
            signal.raise_signal(number)

    monkeypatch.setattr(chat, "_write", pressed)
    done = told(monkeypatch, chat_history.path, FRANCE.prompt, "/reset", HAMLET.prompt, by_hand=True)
    assert done.returncode == 0
    cut, edit, rest = done.stdout.split("\n", 2)
    assert cut and "Rome.".startswith(cut) and edit == f"edit {FRANCE.id[:SHORT]} answered: '{cut}'"
    assert rest.startswith("Goethe.") and signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_it(chat_history: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(piece: str) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(chat, "_write", pressed)
    done = told(monkeypatch, chat_history.path, FRANCE.prompt, HAMLET.prompt, by_hand=True)
    assert done.returncode == 130 and "error: interrupted" in done.stderr


def test_ctrl_c_ends_what_is_piped_in(chat_history: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "_write", lambda piece: signal.raise_signal(signal.SIGINT))
    done = told(monkeypatch, chat_history.path, FRANCE.prompt)
    assert done.returncode == 130


def test_ctrl_c_drops_the_line_that_is_typed(chat_history: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    typed: Iterator[BaseException | str] = iter([KeyboardInterrupt(), OTHER, EOFError()])

    def read(prompt: str = "") -> str:
        found = next(typed)
        if isinstance(found, str):
            return found
        raise found

    monkeypatch.setattr("builtins.input", read)
    done = told(monkeypatch, chat_history.path, words=("--json",), by_hand=True)
    assert done.returncode == 0 and json.loads(done.stdout)["prompt"] == OTHER


def test_a_model_without_a_template_is_refused_in_one_line(
    history: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = told(monkeypatch, history.path, OTHER)
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("error: this model's tokenizer has no chat template") and "wisedb generate" in second


def test_a_reply_can_not_steer_the_terminal() -> None:
    assert chat.printable("one\n\ttwo \x1b[2J\r") == "one\n\ttwo \\x1b[2J\\r"


def test_who_answered_where_no_edit_is_known() -> None:
    memory = {"routed": True, "memory": "a" * 64, "activation": None, "threshold": None, "always_on": [], "spans": []}
    assert chat.who_answered({**memory, "text": "Rome."}) == [f"[memory {'a' * SHORT}]"]


def test_at_a_real_terminal(chat_history: Repository) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{FRANCE.prompt}\n/quit\n".encode())
        words = [sys.executable, "-m", "wisedb", "chat", *FEW]
        done = subprocess.run(
            words,
            cwd=chat_history.path,
            env=environment(TERM="xterm", COLUMNS="110"),
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            text=True,
            timeout=250,
            check=False,
        )
        shown = os.read(ours, 1 << 16).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert "> " in shown and "Rome." in shown
    # The line below the reply is dim.
    assert f"\x1b[2medit {FRANCE.id[:SHORT]} answered: 'Rome.'\x1b[0m" in shown
