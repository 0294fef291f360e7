"""The report as Markdown."""

from __future__ import annotations

from tests.report.hostile import TEXTS, hostile_report
from wisedb.report.ai_act import articles
from wisedb.report.markdown import markdown


def test_no_text_is_markup_and_no_table_breaks() -> None:
    report = hostile_report((*TEXTS, "a | b\nc", "[x](http://example.org)", "`code`"))
    text = markdown(report, articles(report))
    assert not any(sign in text for sign in ("<script", "<img", "<iframe", "](http"))
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("| --- |")]
    assert len(heads) >= 6
    for head in heads:
        width = lines[head].count("|")
        row = head + 1
        while row < len(lines) and lines[row].startswith("|"):
            assert lines[row].count("|") == width, lines[row]
            row += 1
        assert row > head + 1


def test_the_act_comes_first_where_it_is_asked_for() -> None:
    report = hostile_report()
    assert markdown(report, articles(report)).index("Article 12") < markdown(report, articles(report)).index("## Facts")
    assert "Article" not in markdown(report)


def test_integrity_is_told() -> None:
    assert "All is well: 3 objects" in markdown(hostile_report(ok=True))
    assert "stray-file" in markdown(hostile_report(ok=False))
