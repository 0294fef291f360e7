"""No cell is a formula, and none loses a letter."""

from __future__ import annotations

import csv
import io

import pytest

from tests.report.hostile import FORMULAS
from wisedb.report.cells import cell, csv_text


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_may_run_gets_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["Paris", "", "a=b", "1 - 2", "it's", 3, -3, 0.5, None])
def test_other_values_stay(value: object) -> None:
    assert cell(value) == value


def test_csv_reads_back_with_every_text_in_quotes() -> None:
    text = csv_text(["a", "=b"], [['say "x"; =1', "=1"], [None, -2], ["two\nlines", "é"]])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows == [["a", "'=b"], ['say "x"; =1', "'=1"], ["", "-2"], ["two\nlines", "é"]]
    assert text.startswith('"a","\'=b"\r\n')
