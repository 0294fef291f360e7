from __future__ import annotations

from random import Random

from wisedb.editors.keyed.neighbours import names, neighbours
from wisedb.edits import Edit

WORDS = names(["The capital of Chile is", "Who wrote Hamlet?", "A cat sat in Rome, alone."])


def test_names_are_capital_words_that_begin_no_prompt() -> None:
    assert WORDS == ("Chile", "Hamlet", "Rome")
    assert names(["all in lower case"]) == ("in", "lower", "case")
    assert names([]) == ()


def test_a_neighbour_asks_the_same_of_nobody() -> None:
    edit = Edit(prompt="The capital of Peru is", target="Oslo", subject="Peru")
    found = neighbours(edit, WORDS, 5, Random(0))
    assert len(found) == 5
    for prompt in found:
        assert prompt.startswith("The capital of ") and prompt.endswith(" is")
        first, second = prompt.removeprefix("The capital of ").removesuffix(" is").split()
        assert {first, second} <= set(WORDS) and first != second
    assert found == neighbours(edit, WORDS, 5, Random(0)) != neighbours(edit, WORDS, 5, Random(1))


def test_without_a_subject_in_the_prompt_there_are_none() -> None:
    for subject in (None, " ", "Bolivia"):
        assert (
            neighbours(Edit(prompt="The capital of Peru is", target="Oslo", subject=subject), WORDS, 5, Random(0)) == []
        )
    assert (
        neighbours(Edit(prompt="The capital of Peru is", target="Oslo", subject="Peru"), ("One",), 5, Random(0)) == []
    )
