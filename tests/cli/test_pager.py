"""The pager: chosen as git chooses one, and only where a terminal is."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from wisedb.cli.pager import chosen

from .conftest import Told, environment


@pytest.mark.parametrize(
    ("preferences", "variables", "command"),
    [
        ({}, {"PAGER": "sh -e"}, "sh -e"),
        ({"core.pager": "env"}, {"PAGER": "sh"}, "env"),
        ({"core.pager": "env"}, {"WISEDB_PAGER": "sh"}, "sh"),
        ({"core.pager": False}, {"PAGER": "sh"}, None),
        ({}, {"PAGER": "cat"}, None),
        ({}, {"PAGER": ""}, None),
        ({}, {"PAGER": "no-such-program -x"}, None),
    ],
)
def test_a_pager_is_chosen(preferences: dict[str, str | bool], variables: dict[str, str], command: str | None) -> None:
    assert chosen(preferences, variables) == command


@pytest.mark.parametrize(("words", "paged"), [((), True), (("--no-pager",), False)])
def test_a_terminal_sees_the_log_through_the_pager(told: Told, words: tuple[str, ...], paged: bool) -> None:
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "wisedb", *words, "log", "--oneline"],
        cwd=told.path,
        env={**environment(), "WISEDB_PAGER": "sed s/^/paged:/", "TERM": "dumb"},
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    )
    os.close(terminal)
    said = b""
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(main)
    assert process.wait(120) == 0
    assert b"second" in said
    assert (said.count(b"paged:") == 3) is paged
