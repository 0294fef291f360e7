"""Where a base model was seen is remembered, and may be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from wisedb.config import BaseModel
from wisedb.model.whereabouts import last_seen, note

BASE = BaseModel("./model", None, "a" * 64, "b" * 64)


def test_what_was_seen_is_found_as_long_as_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert last_seen(BASE) is None
    (tmp_path / "model").mkdir()
    note(BASE, tmp_path / "model")
    assert last_seen(BASE) == str(tmp_path / "model")
    (tmp_path / "model").rename(tmp_path / "moved")
    assert last_seen(BASE) is None
    note(BASE, tmp_path / "moved")
    assert last_seen(BASE) == str(tmp_path / "moved")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"folder": 3}'])
def test_a_damaged_note_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    note(BASE, tmp_path)
    (written,) = (tmp_path / "wisedb" / "bases").iterdir()
    written.write_text(damage)
    assert last_seen(BASE) is None
