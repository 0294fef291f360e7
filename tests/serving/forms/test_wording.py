"""The same prompt, written differently."""

from __future__ import annotations

from random import Random

import pytest

from wisedb.edits import Edit
from wisedb.serving.forms.wording import is_question, lower_first, mistyped, possessive, subject_in, without_mark


@pytest.mark.parametrize(
    ("prompt", "subject", "said"),
    [
        ("The capital of France is", "France", "France's capital is"),
        ("What is the capital of France?", "France", "What is France's capital?"),
        ("What is the official language of France?", "France", "What is France's official language?"),
        ("The valley of the Thames lies in", "Thames", "The Thames's valley lies in"),
        ("The name of the capital of France is", "France", "The name of France's capital is"),
        ("On the web, France uses the domain", "France", None),
        ("The capital of Frances is", "France", None),
        ("the capital of it is", None, None),
    ],
)
def test_possessive(prompt: str, subject: str | None, said: str | None) -> None:
    assert possessive(Edit(prompt, "x", subject)) == said


def test_a_typing_mistake_changes_two_letters_of_one_word_about() -> None:
    text = "The capital of France is"
    for seed in range(20):
        inside = mistyped(text, Random(seed), inside="France")
        outside = mistyped(text, Random(seed), outside="France")
        assert inside is not None and outside is not None
        assert inside.startswith("The capital of F") and inside != text and sorted(inside) == sorted(text)
        assert outside.endswith(" of France is") and outside != text and sorted(outside) == sorted(text)
    assert mistyped("Is it so? aaaa", Random(0)) is None
    assert mistyped(text, Random(3)) == mistyped(text, Random(3))


@pytest.mark.parametrize(
    ("prompt", "subject", "said"),
    [
        ("Who wrote Emma?", "Emma", "who wrote Emma?"),
        ("France has the capital", "France", "France has the capital"),
        ("I live in", None, "I live in"),
        ("NASA is led by", None, "NASA is led by"),
    ],
)
def test_a_prompt_goes_on_behind_a_comma(prompt: str, subject: str | None, said: str) -> None:
    assert lower_first(Edit(prompt, "x", subject)) == said


def test_a_question_is_known_by_its_mark() -> None:
    assert is_question("Who?") and is_question("谁？") and not is_question("Who? The")
    assert without_mark("Who wrote it ?") == "Who wrote it" and without_mark("It is") == "It is"


def test_a_subject_counts_where_it_stands_in_the_prompt() -> None:
    assert subject_in(Edit("Who wrote Emma?", "x", "Emma")) == "Emma"
    # One that does not is looked for in the prompt.
    assert subject_in(Edit("Who wrote Emma?", "x", "Ulysses")) == "Emma"
    assert subject_in(Edit("Who wrote Emma?", "x")) == "Emma"
