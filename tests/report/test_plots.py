"""Pictures of figures, in the page's own ink."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.report.hostile import hostile_report
from wisedb.report import plots
from wisedb.report.contents import Report


def _report(names: tuple[str, ...] = ("retrieve",)) -> Report:
    report = hostile_report(("a", "b", "c"))
    rows = [
        replace(row, scores={name: {"reliability": 1 / row.number, "locality": 0.9, "seconds": 3.0} for name in names})
        for row in report.commits
    ]
    return replace(report, commits=tuple(rows))


def test_each_picture_is_an_element_that_needs_nothing() -> None:
    drawn = plots.plots(_report())
    assert [plot.title for plot in drawn] == [
        "Shares over commits",
        "Bytes that each commit added",
        "Seconds that each measurement took",
    ]
    for plot in drawn:
        root = ElementTree.fromstring(plot.svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("aria-hidden") == "true"
        assert "currentColor" in plot.svg and "#010203" not in plot.svg
        assert not re.search(r"style=|<style|<script|<image|href=|url\(", plot.svg)


def test_several_measurements_are_told_apart() -> None:
    (shares, *_) = plots.plots(_report(("commit", "retrieve")))
    assert "Rel. (commit)" in shares.svg and "Rel. (retrieve)" in shares.svg
    assert "(retrieve)" not in plots.plots(_report())[0].svg


def test_no_text_of_anybody_gets_into_a_picture() -> None:
    drawn = plots.plots(hostile_report())
    assert len(drawn) == 3 and "Rel. (?script?alert?1?" in drawn[0].svg
    assert not any(sign in plot.svg for plot in drawn for sign in ("alert(", "http://ex", "&lt;", "{{"))


def test_of_what_was_not_measured_there_is_no_picture() -> None:
    report = replace(_report(), commits=tuple(replace(row, scores={}) for row in _report().commits))
    assert [plot.title for plot in plots.plots(report)] == ["Bytes that each commit added"]


def test_without_the_extra_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_MODULES", ("no_such_module",))
    assert not plots.available() and plots.plots(_report()) == []
