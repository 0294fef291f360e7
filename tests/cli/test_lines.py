"""Lines and tables: what comes from elsewhere can't steer the terminal, columns stand under each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.cli import render
from wisedb.cli.lines import clean, table


@given(st.text())
def test_cleaned_text_steers_nothing(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable() or not any(ord(character) < 32 or ord(character) == 127 for character in cleaned)
    if text.isprintable():
        assert cleaned == text


def test_numbers_stand_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("a", 7, None), ("béta", 1234, "x")]
    render.show([table("name", "count", "note", rows=rows, numbers=("count",))])
    assert capsys.readouterr().out == "NAME  COUNT  NOTE\na         7\nbéta   1234  x\n"


def test_letters_of_two_columns_are_counted_as_two(capsys: pytest.CaptureFixture[str]) -> None:
    render.show([table("a", "b", rows=[("日本", "x"), ("ab", "y"), ("e\N{COMBINING ACUTE ACCENT}", "z")])])
    assert capsys.readouterr().out == "A     B\n日本  x\nab    y\ne\N{COMBINING ACUTE ACCENT}     z\n"


def test_a_table_without_rows_has_its_titles(capsys: pytest.CaptureFixture[str]) -> None:
    render.show([table("a", "b", rows=[])])
    assert capsys.readouterr().out == "A  B\n"
