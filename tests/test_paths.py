"""Paths as people write them: of a user whom nobody knows the path stays as it is."""

from __future__ import annotations

from pathlib import Path

from wisedb.paths import expanded


def test_home_and_nobody() -> None:
    assert expanded("~/x") == Path.home() / "x"
    assert expanded("~no-such-user-here/x") == Path("~no-such-user-here/x")
    assert expanded(Path("./x")) == Path("x")
