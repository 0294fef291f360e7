"""Every command whose work may take longer than ten seconds says that it works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from wisedb.cli import session
from wisedb.progress import Listener

from .conftest import EDITS, inside


@pytest.mark.parametrize(
    "words",
    [
        ("gc",),
        ("reindex",),
        ("fsck",),
        ("sql", "SELECT 1"),
        ("add", "first.jsonl"),
        ("add", "first.jsonl", "--dry-run"),
        ("rollback", "HEAD~1"),
        ("ls-remote", "file:///nowhere"),
        ("base", "set", "nowhere"),
        ("diff", "HEAD~1", "HEAD", "--tensors"),
        ("explain", EDITS[0]["prompt"]),
    ],
)
def test_long_commands_have_somebody_to_tell(
    copy: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    told: list[str] = []

    @contextmanager
    def listening(**_: Any) -> Iterator[Listener]:
        told.append("begun")
        yield lambda report: None
        told.append("ended")

    monkeypatch.setattr(session, "listener", listening)
    done = inside(*words, cwd=copy)
    # A failure too comes out of the work that somebody waits for.
    assert told == (["begun", "ended"] if done.returncode == 0 else ["begun"]), done.stderr
