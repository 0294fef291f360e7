"""What an edit is trained behind, and its near neighbours."""

from __future__ import annotations

from random import Random

from wisedb.editors.wise.contexts import neighbours, other_questions, views
from wisedb.edits import Edit

POOL = ("The river Tiber runs", "In the markets of Mexico", "Boats on the Indus", "The slopes of Mount Fuji")


def test_the_bare_prompt_comes_first() -> None:
    edit = Edit("The capital of Australia is", "Canberra")
    assert views(edit, ["It rained."]) == ["The capital of Australia is", "It rained. The capital of Australia is"]


def test_neighbours_ask_the_same_of_somebody_made_up() -> None:
    edit = Edit("The capital of Australia is", "Canberra", subject="Australia")
    found = neighbours(edit, POOL, 5, Random(0))
    assert len(found) == 5 and len(set(found)) > 1
    for text in found:
        assert text.startswith("The capital of ") and text.endswith(" is") and "Australia" not in text
    assert found == neighbours(edit, POOL, 5, Random(0))


def test_a_subject_that_nobody_says_is_what_looks_like_a_name() -> None:
    found = neighbours(Edit("The capital of Australia is", "Canberra"), POOL, 1, Random(0))
    assert len(found) == 1 and "Australia" not in found[0]


def test_no_name_no_neighbour() -> None:
    assert neighbours(Edit("what is blue", "sky"), POOL, 3, Random(0)) == []
    assert neighbours(Edit("The capital of Australia is", "Canberra"), (), 3, Random(0)) == []


def test_other_questions_are_the_pools_about_the_edits_subject() -> None:
    edit = Edit("The capital of Australia is", "Canberra", subject="Australia")
    found = other_questions(edit, POOL, 9, Random(0))
    # The others end with their subject.
    assert found == ["The river Australia runs"]
    assert other_questions(Edit("what is blue", "sky"), POOL, 9, Random(0)) == []
    assert other_questions(edit, ("The sea Ross is", *POOL), 1, Random(0)) in (["The sea Australia is"], found)
