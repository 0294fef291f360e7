"""Lines and tables: what comes from elsewhere can't steer the terminal, columns stand under each other."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.cli import render
from wisedb.cli.lines import clean, clean_json, table


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


STEERING = [
    *map(chr, range(32)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\ufeff\ufffb",
    "\U000e0041",
]


@pytest.mark.parametrize("character", STEERING, ids=[f"{ord(each):04x}" for each in STEERING])
def test_nothing_that_steers_turns_or_hides_is_shown_and_json_says_the_same(
    character: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An edit from elsewhere with, say, CSI in one character (U+009B), or a sign that turns a line around."""
    text = f"before{character}after"
    render.show([render.line(text), table("a", rows=[(text,)]), text])
    shown = capsys.readouterr().out
    assert (character == "\n") == (shown.count("\n") > 4) or character not in shown
    assert shown.replace("\n", "").isprintable()
    document = render.as_json({"prompt": text, text: 1})
    assert json.loads(document) == {"prompt": text, text: 1}
    assert all(each.replace("\n", "").isprintable() for each in (document, *render.array([json.dumps(text)])))
    assert json.loads("".join(render.array([json.dumps(text, ensure_ascii=False)] * 2))) == [text, text]


@given(st.text())
def test_cleaned_json_is_the_same_document(text: str) -> None:
    raw = json.dumps({"a": text}, ensure_ascii=False)
    assert json.loads(clean_json(raw)) == {"a": text}
    assert not any(unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp"} for each in clean_json(raw))
