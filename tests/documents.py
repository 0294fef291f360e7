"""The code blocks of a Markdown page: what a reader would type, and what the page says comes back.

``python -m tests.documents PAGE…`` runs a page's console blocks in an empty folder and writes down anew what they
print. A block whose first command is one of :data:`SETUP` is left as it stands.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.commands import run_inside

FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What differs from run to run: keys, ids, times, durations, sizes. A page may show its own, a test compares the rest.
VOLATILE = (
    (re.compile(r"\bSHA256:[\w+/=]+"), "KEY"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00| [+-]\d{4})?"), "DATE"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b"), "ID"),
    (re.compile(r"\b\d+(\.\d+)? ?(s|ms|seconds)\b"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? ?([kKMG]i?)?B\b"), "SIZE"),
    (re.compile(r"\b\d+(\.\d+)? > \d+(\.\d+)?"), "ACTIVATION > THRESHOLD"),
    (re.compile(r"\b\d+\.\d\d\b"), "NUMBER"),
    (re.compile(r"/\S+"), "PATH"),
)

# Whoever runs these blocks has done that already.
SETUP = ("git clone", "make ", "cd wisedb", "pip install")


@dataclass(frozen=True)
class Step:
    """One command of a console block and the output that the page shows for it."""

    command: str
    expected: tuple[str, ...]


def blocks(page: Path, language: str) -> list[str]:
    """The bodies of the page's fenced blocks in ``language``, in their order."""
    return [body for name, body in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def steps(block: str) -> Iterator[Step]:
    """Split a console block at its ``$ `` lines."""
    command: str | None = None
    shown: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield Step(command, tuple(shown))
            command, shown = line[2:], []
        else:
            shown.append(line)
    if command is not None:
        yield Step(command, tuple(shown))


def steady(line: str) -> str:
    """The line without what differs from run to run, and with single spaces."""
    for pattern, word in VOLATILE:
        line = pattern.sub(word, line)
    return " ".join(line.split())


def missing(step: Step, output: str) -> list[str]:
    """The lines that the page shows and the command did not print, in order; ``…`` stands for any lines."""
    printed = [steady(line) for line in output.splitlines()]
    lost, start = [], 0
    for line in step.expected:
        wanted = steady(line)
        if not wanted or wanted == "…":
            continue
        try:
            start = printed.index(wanted, start) + 1
        except ValueError:
            lost.append(line)
    return lost


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one line of a console block as a reader would, with stderr in stdout."""
    typed = re.sub(r"(^|(?<=[|;&] ))wisedb ", f"{shlex.quote(sys.executable)} -m wisedb ", command)
    return subprocess.run(
        ["bash", "-c", typed],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )


def run_quickly(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The same; a line that is one call of ``wisedb`` and needs no shell stays in this process."""
    words = _one_call(command)
    return run(command, folder) if words is None else run_inside(words, folder, _environment(), together=True)


def _environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "110", "WISEDB_AUTHOR": "Ada <ada@example.org>"}


def _one_call(command: str) -> list[str] | None:
    """The words after ``wisedb``, or ``None`` where a shell has something to do."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    for_a_shell = any(sign in command for sign in "$`#*\\") or any(set(word) <= set("();<>|&") for word in words)
    return None if words[:1] != ["wisedb"] or for_a_shell else words[1:]


def rewrite(page: Path, folder: Path) -> None:
    """Run the page's console blocks and write down what they print."""

    def again(match: re.Match[str]) -> str:
        language, body = match.groups()
        listed = list(steps(body)) if language == "console" else []
        if not listed or listed[0].command.startswith(SETUP):
            return match.group()
        lines: list[str] = []
        for step in listed:
            printed = [line.rstrip() for line in run(step.command, folder).stdout.splitlines()]
            lines += [f"$ {step.command}", *printed]
        return "\n".join([f"```{language}", *lines, "```"])

    page.write_text(FENCE.sub(again, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as scratch:
            rewrite(Path(name), Path(scratch))
