"""A report as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.report.hostile import hostile_report
from wisedb.errors import UsageError
from wisedb.report.write import FORMATS, format_of, render, write


@pytest.mark.parametrize(
    ("name", "asked", "found"),
    [
        ("a.html", None, "html"),
        ("a.HTM", None, "html"),
        ("a.markdown", None, "md"),
        ("a.parquet", None, "parquet"),
        ("a.txt", "csv", "csv"),
    ],
)
def test_the_format_is_what_is_asked_for_or_what_the_ending_says(name: str, asked: str | None, found: str) -> None:
    assert format_of(Path(name), asked) == found


def test_an_ending_that_says_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"a\.txt says no format"):
        format_of(Path("a.txt"), None)


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_is_written_whole(format: str, tmp_path: Path) -> None:
    made = write(hostile_report(), tmp_path / "report", format)
    data = (tmp_path / "report").read_bytes()
    assert made.bytes == len(data) > 0 and data == render(hostile_report(), format)
    assert {"path", "format", "facts", "bytes"} <= set(made.to_json()) and made.ok is False


def test_json_holds_everything() -> None:
    report = hostile_report()
    document = json.loads(render(report, "json", ai_act=True))
    assert document["format"] == 1 and len(document["facts"]) == len(report.facts)
    assert document["facts"][0]["answers"]["before"] == "<script>alert(1)</script>"
    assert len(document["ai_act"]) == 4 and document["integrity"]["ok"] is False
    assert "ai_act" not in json.loads(render(report, "json"))


@pytest.mark.parametrize("format", ["csv", "parquet", "pdf"])
def test_what_can_not_be_is_refused(format: str) -> None:
    with pytest.raises(UsageError):
        render(hostile_report(), format, ai_act=True)
