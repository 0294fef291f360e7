"""``wisedb report``, as people call it."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Told, answer, inside


def test_a_page_is_written_and_told(told: Told, tmp_path: Path) -> None:
    made = answer("report", "-o", tmp_path / "r.html", "--ai-act", cwd=told.path)
    text = (tmp_path / "r.html").read_text()
    assert {"path", "format", "facts", "bytes"} <= set(made)
    assert (made["format"], made["facts"], made["bytes"]) == ("html", 3, len(text.encode()))
    assert "Canberra" in text and "the FAQ said Sydney" in text and "Article 26(6)" in text
    said = inside("report", "v1", "-o", tmp_path / "r.md", cwd=told.path)
    assert said.returncode == 0 and "md, 2 facts" in said.stdout


def test_the_model_is_asked_where_it_is_wanted(told: Told, tmp_path: Path) -> None:
    made = answer("report", "-o", tmp_path / "r.json", "--ask", "--limit", "2", cwd=told.path)
    facts = json.loads((tmp_path / "r.json").read_text())["facts"]
    assert made["asked"] == 2 and [fact["answers"] is not None for fact in facts] == [False, True, True]


def test_what_is_wrong_is_said(told: Told, copy: Path, tmp_path: Path) -> None:
    for words in (("-o", "r.txt"), ("-o", "r.html", "--limit", "3"), ("-o", "r.csv", "--ai-act"), ()):
        done = inside("report", *words, cwd=told.path)
        assert done.returncode == 2 and done.stdout == ""
    (copy / ".wisedb" / "objects" / "stray.txt").write_text("x")
    done = inside("report", "-o", tmp_path / "r.html", cwd=copy)
    assert done.returncode == 1 and "not intact" in done.stderr
    assert "stray-file" in (tmp_path / "r.html").read_text()
