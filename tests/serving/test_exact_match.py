"""Two spellings of one answer are one answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.serving.exact_match import may_become, normalise_answer, same_answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Canberra.\n", "canberra"),
        ("Canberra", "canberra"),
        ("New   York\tCity!", "new york city"),
        ("St. John's", "st. john's"),
        ("Cafe\u0301", "caf\u00e9"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("1.5", "1.5"),
        ("...", "..."),
        ("東京。", "東京"),
        ("", ""),
    ],
)
def test_the_spelling_in_which_answers_are_compared(text: str, expected: str) -> None:
    assert normalise_answer(text) == expected


def test_different_answers_stay_different() -> None:
    assert not same_answer("Canberra", "Sydney")
    assert not same_answer("Canberra is", "Canberra")
    assert not same_answer("", ".")


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise_answer(text)
    assert normalise_answer(once) == once


@given(st.text(), st.sampled_from(["", " ", "\n", "  \t"]), st.sampled_from(["", " ", "\n"]))
def test_white_space_around_does_not_matter(text: str, before: str, after: str) -> None:
    assert same_answer(before + text + after, text)


@given(st.text("abé\u0301ß A.!? \n", max_size=8), st.integers(0, 8))
def test_a_beginning_may_become_the_whole(text: str, cut: int) -> None:
    assert may_become(text[:cut], text) and may_become(text[:cut] + "\ufffd", text)


def test_what_says_something_else_can_become_nothing_more() -> None:
    assert not may_become("Paris is", "Paris") and not may_become("The", "Canberra")
