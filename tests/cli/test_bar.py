"""The progress bar: there for a terminal, silent elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from wisedb.cli.bar import listener
from wisedb.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_nobody_listens_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with listener() as listen:
        assert listen is None


def test_a_terminal_sees_phase_count_and_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with listener() as listen:
        assert listen is not None
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
        assert listen is not None
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
        assert listen is not None
        listen(Progress("sending", 1_500_000, 20_000_000, unit="B"))
    assert "1.5 MB of 20.0 MB" in stream.getvalue()
