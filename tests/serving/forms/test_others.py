"""What stands beside an edit is asked by no edit."""

from __future__ import annotations

from random import Random

from wisedb.edits import Edit, LocalityPrompt
from wisedb.serving.forms.others import Others

FRANCE = Edit(
    "The capital of France is", "Rome", "France", locality=(LocalityPrompt("The capital of Peru is", "Lima"),)
)
SPAIN = Edit("What is the capital of Spain?", "Oslo", "Spain")
EMMA = Edit(
    "Who wrote Emma?",
    "Goethe",
    "Emma",
    rephrases=("The author of Emma is",),
    locality=(LocalityPrompt("Water boils at", "100 °C"), LocalityPrompt("The king of Spain is", "Felipe")),
)
GHANA = Edit("People in Ghana pay with the", "peso", "Ghana", tags=("currency",))
TOGO = Edit("The money of Togo is the", "yen", "Togo", tags=("currency",))
SEEDS = [Random(seed) for seed in range(12)]


def test_facts_are_those_of_other_edits_and_mention_no_subject() -> None:
    others = Others([FRANCE, EMMA, SPAIN])
    assert {others.facts(FRANCE, chooser)[0] for chooser in SEEDS} == {("Water boils at", "100 °C")}
    several = others.facts(EMMA, Random(0), 3)
    assert len(set(several)) == 3 and ("The capital of Peru is", "Lima") in several
    assert all("Spain" not in question for question, _ in others.facts(FRANCE, Random(0), 7))
    # Where training saw the locality prompts, they measure nothing.
    assert ("Water boils at", "100 °C") not in Others([FRANCE, EMMA], locality=False).facts(FRANCE, Random(0), 7)
    assert Others([FRANCE], locality=False).locality(FRANCE, Random(0)) is None


def test_a_fact_that_an_edit_asks_is_none() -> None:
    asked = Edit("Water boils at", "5 °C")
    others = Others([FRANCE, EMMA, asked])
    assert all(question != "Water boils at" for question, _ in others.facts(FRANCE, Random(0), 7))
    assert {others.locality(EMMA, chooser) for chooser in SEEDS} == {"The king of Spain is"}


def test_the_other_subject_is_one_of_which_nobody_asks_that() -> None:
    others = Others([FRANCE, SPAIN, EMMA])
    assert {others.subject(FRANCE, chooser) for chooser in SEEDS} == {"Emma"}
    assert {others.subject(EMMA, chooser) for chooser in SEEDS} == {"France", "Spain"}
    # Two wordings of one question may share no word; a label that few edits have says so.
    money = Others([GHANA, TOGO, EMMA, FRANCE, SPAIN])
    assert "Togo" not in {money.subject(GHANA, chooser) for chooser in SEEDS}
    assert "Togo" in {Others([GHANA, TOGO, EMMA]).subject(EMMA, chooser) for chooser in SEEDS}
    assert Others([FRANCE]).subject(FRANCE, Random(0)) is None
    assert Others([Edit("it is", "x"), FRANCE]).subject(Edit("it is", "x"), Random(0)) is None


def test_another_question_of_the_subject_is_one_that_nobody_asks_of_it() -> None:
    others = Others([FRANCE, SPAIN, EMMA])
    assert {others.question(FRANCE, chooser) for chooser in SEEDS} == {"Who wrote France?"}
    assert others.question(Edit("it is", "x"), Random(0)) is None
    # France's author is edited too, in other words.
    author = Edit("The author of France is", "Kafka", "France")
    assert Others([FRANCE, author, EMMA]).question(FRANCE, Random(0)) is None
