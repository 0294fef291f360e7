"""What measures is told from what is trained by its words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.stores import AUSTRALIA
from wisedb.bench.leaks import leaks, words_of
from wisedb.edits import Edit, LocalityPrompt, normalise_prompt
from wisedb.repository import Repository
from wisedb.serving.evaluate import evaluate
from wisedb.serving.questions import ask


@pytest.mark.parametrize(
    "other",
    [
        "The capital of Suriname is",
        "the  capital of the Suriname is",
        "The capital of Suriname is:",
        "THE CAPITAL OF SURINAME IS …",
        "The “capital” of Suriname is",
        "The capital of Surinamé is",
        "The capital, of Suriname, is",
        "The capital of Suriname's is",
    ],
)
def test_an_article_case_accents_and_punctuation_make_no_other_prompt(other: str) -> None:
    assert words_of(other) == words_of("The capital of the Suriname is")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The capital of Laos is", "The capital of Peru is"),
        ("The capital of Laos is", "The capital of Laos was"),
        ("The capital of Laos is", "Laos is the capital of"),
        ("2 + 2 =", "2 - 2 ="),
        ("7 * 8 =", "7 / 8 ="),
        ("की राजधानी", "का राजधानी"),
        ("Zahl 1", "Zahl 11"),
    ],
)
def test_another_word_does(one: str, other: str) -> None:
    assert words_of(one) != words_of(other)


STREAM: Sequence[Edit] = (
    Edit(
        "The capital of Suriname is",
        "Rome",
        rephrases=("The capital of the Suriname is", "Suriname is governed from", "Which city rules Suriname?"),
        locality=(LocalityPrompt("The capital of Peru is"), LocalityPrompt("Water boils at")),
    ),
    Edit("The capital of Peru is,", "Oslo", locality=(LocalityPrompt("Water boils at"),)),
)


def test_prompts_of_the_stream_and_prompts_that_an_editor_made_leak() -> None:
    found = leaks(STREAM, ["The Suriname is governed from", "The water boils at"])
    assert (found.rephrases, found.locality) == (2, 2)
    assert found.prompts == {
        normalise_prompt(text) for text in (*STREAM[0].rephrases[:2], "The capital of Peru is", "Water boils at")
    }
    assert leaks(STREAM[:1], ()).locality == 0


def test_nothing_is_measured_by_what_leaked(repository: Repository) -> None:
    store, base = repository.store, repository.base
    trained = leaks(STREAM, ["Suriname is governed from"]).prompts
    questions = ask(store, base, tuple(STREAM), trained_on_locality=False, trained_on=trained)
    assert questions.rephrases == (("Which city rules Suriname?",), ())
    assert len(questions.unrelated) <= 1 < len(ask(store, base, tuple(STREAM), trained_on_locality=False).unrelated)
    commit = repository.commit([AUSTRALIA], "one").commit
    whole = evaluate(store, base, commit, [AUSTRALIA])
    none = evaluate(
        store, base, commit, [AUSTRALIA], leave_out={normalise_prompt(text) for text in AUSTRALIA.rephrases}
    )
    assert whole.generalization is not None and none.generalization is None
    assert none.reliability == whole.reliability
