"""Rendering: what comes from elsewhere can't steer the terminal, ids stay whole, JSON stays JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from wisedb.cli import render, terminal


def test_an_escape_sequence_in_a_prompt_is_shown_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    edit = {"id": "a" * 64, "prompt": "\x1b[2J\x1b]0;owned\x07 [red]x[/red]", "target": "y\nz", "reason": None}
    render.show(render.edits([edit], "none"))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "[red]x[/red]" in out
    assert len(out.splitlines()) == 2


def test_a_pipe_gets_whole_lines_without_padding(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(render.ident("a" * 64), "long " * 100, "end"), (render.ident("b" * 64), "short", "")]
    render.show([render.table("id", "prompt", "target", rows=rows)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line == line.rstrip() for line in lines)
    assert lines[1].startswith("a" * render.SHORT + " ")


def test_a_narrow_terminal_folds_prompts_and_keeps_ids() -> None:
    table = render.table("id", "prompt", rows=[(render.ident("a" * 64), "many words that don't fit " * 3)])
    narrow = Console(file=io.StringIO(), width=30, force_terminal=True, color_system=None)
    with narrow.capture() as capture:
        narrow.print(terminal.grid(table))
    assert "a" * render.SHORT in capture.get()
    assert max(len(line) for line in capture.get().splitlines()) <= 30


@pytest.mark.parametrize("count", [terminal.FOLDED, terminal.FOLDED + 1])
def test_a_terminal_gets_every_row_and_nothing_that_steers_it(count: int) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    rows = [(f"{number:012x}", f"prompt {number}", "\x07", "") for number in range(count)]
    render.show(render.listing(rows, "none"), screen)
    shown = screen.getvalue()
    assert "\x07" not in shown
    assert shown.count("\n") == count + 1
    assert f"prompt {count - 1} " in shown


def test_json_that_is_text_already_is_said_in_the_letters_of_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert "".join(render.array(['["é"]', "1"])) == '[\n["é"],\n1\n]\n'
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    told = "".join(render.array(['["é"]', "1"]))
    assert told.isascii() and json.loads(told) == [["é"], 1]


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, 1024])
def test_an_array_is_one_document_however_long(count: int) -> None:
    assert json.loads("".join(render.array([str(number) for number in range(count)]))) == list(range(count))


def test_json_has_no_number_that_json_lacks() -> None:
    document = {"nan": float("nan"), "rows": [(1, float("inf"), b"\x00\xff", datetime(2026, 1, 31, tzinfo=UTC))]}
    read = json.loads(render.as_json(document))
    assert read == {"nan": None, "rows": [[1, None, "00ff", "2026-01-31 00:00:00+00:00"]]}


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (18_000_000, "18.0 MB"), (5 * 10**12, "5000.0 GB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert render.size(count) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "–"), (1.234, "1.23 s"), (45.6, "45.6 s"), (600.0, "10.0 min")])
def test_durations(value: float | None, shown: str) -> None:
    assert render.seconds(value) == shown


def test_plurals() -> None:
    assert [render.plural(count, "edit") for count in (0, 1, 2)] == ["0 edits", "1 edit", "2 edits"]
    assert render.plural(2, "memory") == "2 memories"
