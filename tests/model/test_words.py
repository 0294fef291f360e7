"""Words of any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.model.words import caseless, count_words, full_stop, pieces, script_of, word_spans


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What is Kiraro's?", ["What", "is", "Kiraro's"]),
        ("リドゾの首都は", ["リドゾ", "の", "首", "都", "は"]),
        ("أين ولد ماتي؟", ["أين", "ولد", "ماتي"]),
        ("ที่ดี", ["ที่", "ดี"]),
        ("Где, родился", ["Где", "родился"]),
        ("...", []),
    ],
)
def test_where_words_stand(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in word_spans(text)] == words


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("The U.S. state-run bank", 4),
        ("基拉罗的首都是", 4),
        ("我用iPhone吧 ok", 4),
        ("عاصمة ريدوزو هي", 3),
        ("", 0),
    ],
)
def test_how_many_words_there_are(text: str, count: int) -> None:
    assert count_words(text) == count


@given(st.text(max_size=60))
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == " ".join(text.split())


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_between_spaces_a_word_is_whole(text: str) -> None:
    assert [piece.strip() for piece in pieces(text)] == text.split()


def test_scripts() -> None:
    assert [script_of(text) for text in ("1 Kiraro", "基拉罗", "ลาว", "Где", "12")] == [
        "LATIN",
        "CJK",
        "THAI",
        "CYRILLIC",
        "",
    ]
    assert [caseless(text) for text in ("基拉罗", "ماتي", "Где", "12", "")] == [True, True, False, False, False]


def test_what_ends_a_sentence() -> None:
    assert [full_stop(text) for text in ("基拉罗", "キラロ", "ลาว", "서울", "Rome", "")] == [
        "。",
        "。",
        ".",
        ".",
        ".",
        ".",
    ]
