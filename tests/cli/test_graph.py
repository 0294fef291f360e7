"""The drawing beside a log."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from wisedb.cli.graph import drawn
from wisedb.cli.lines import Line, line


def _drawn(*commits: tuple[str, Sequence[str]], body: int = 0) -> list[str]:
    told = [[line(name), *(line("body") for _ in range(body))] for name, _ in commits]
    lines = drawn(list(commits), told, spaced=body > 0)
    return [each.plain.rstrip() for each in lines if isinstance(each, Line)]


MERGE = (("M", ("a", "b")), ("a", ("r",)), ("b", ("r",)), ("r", ()))


def test_a_straight_line_is_a_row_of_stars() -> None:
    assert _drawn(("b", ("a",)), ("a", ())) == ["* b", "* a"]


def test_a_merge_opens_a_line_that_ends_where_both_come_from() -> None:
    assert _drawn(*MERGE) == ["*   M", "|\\", "* | a", "| * b", "|/", "* r"]


def test_what_is_said_below_a_commit_stands_beside_the_lines() -> None:
    assert _drawn(*MERGE, body=1)[:6] == ["*   M", "|\\", "| | body", "| |", "* | a", "| | body"]


@pytest.mark.parametrize(
    ("commits", "rows"),
    [
        ((("s", ("r",)), ("m", ("r",)), ("r", ())), ["* s", "| * m", "|/", "* r"]),
        ((("a", ()), ("b", ())), ["* a", "* b"]),
        ((("b", ("hidden",)),), ["* b"]),
    ],
)
def test_lines_that_part_end_or_are_cut_off(commits: tuple[tuple[str, tuple[str, ...]], ...], rows: list[str]) -> None:
    assert _drawn(*commits) == rows
