"""How far work is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable

import pytest

from wisedb.cli.bar import listener
from wisedb.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_elsewhere_a_line_comes_now_and_then_even_between_two_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with listener(every=0.01) as listen:
        _until(lambda: "working" in stream.getvalue())
        listen(Progress("training", 3, 40))
        _until(lambda: "training 3/40" in stream.getvalue())
    said = stream.getvalue()
    time.sleep(0.05)
    assert stream.getvalue() == said


def test_quick_work_says_nothing_elsewhere_unless_each_phase_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with listener() as listen:
        listen(Progress("training", 1, 2))
    assert stream.getvalue() == ""
    with listener(verbose=True) as listen:
        for done in (1, 2):
            listen(Progress("training", done, 2))
        listen(Progress("measuring", 0, 1))
    assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == ["training 1/2", "measuring 0/1"]


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_terminal_sees_phase_count_and_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with listener() as listen:
        assert stream.getvalue() == ""
        for done in range(1, 4):
            listen(Progress("training", done, 3, 0.5 / done))
    shown = stream.getvalue()
    assert "training" in shown
    assert "3/3" in shown
    assert "loss 0.167" in shown


def test_the_phase_at_work_is_the_one_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with listener() as listen:
        listen(Progress("training", 1, 1))
        stream.truncate(0)
        listen(Progress("measuring", 1, 1))
    last = stream.getvalue()
    assert "measuring" in last


def test_bytes_are_told_in_units_that_people_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with listener() as listen:
        listen(Progress("sending", 1_500_000, 20_000_000, unit="B"))
    assert "1.5 MB of 20.0 MB" in stream.getvalue()
