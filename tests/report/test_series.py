"""The figures over commits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.report.hostile import hostile_report
from wisedb.report.contents import Report
from wisedb.report.series import form_rows, number, seconds, shares, sizes


def _measured() -> Report:
    report = hostile_report(("a", "b"))
    first, second = report.commits
    scores = {
        "commit": {"reliability": 1.0},
        "retrieve": {"reliability": 0.5, "generalization": None, "locality": 0.25, "seconds": 2, "says_it": True},
        "odd": "no mapping",
    }
    forms = {
        "how_asked": {"polite": {"n": 4, "right": 0.75}, "none": {"n": 0, "right": None}},
        "must_not_fire": {"other": {"n": 5, "changed": 0.2}},
    }
    return replace(report, commits=(replace(first, scores=scores), replace(second, scores={"retrieve-forms": forms})))


def test_shares_are_those_that_were_measured() -> None:
    found = [(point.number, point.series, point.measured, point.value) for point in shares(_measured())]
    assert found == [(1, "Rel.", "commit", 1.0), (1, "Rel.", "retrieve", 0.5), (1, "Loc.", "retrieve", 0.25)]


def test_costs() -> None:
    assert [point.value for point in sizes(_measured())] == [10.0, 10.0]
    assert [(point.number, point.value) for point in seconds(_measured())] == [(1, 2.0)]


def test_forms() -> None:
    found = [(row.table, row.kind, row.n, row.share) for row in form_rows(_measured())]
    assert found == [("how it is asked", "polite", 4, 0.75), ("what must not fire", "other", 5, 0.2)]


@pytest.mark.parametrize("value", [None, True, "1", float("nan"), float("inf")])
def test_what_is_no_number_is_none(value: object) -> None:
    assert number(value) is None
