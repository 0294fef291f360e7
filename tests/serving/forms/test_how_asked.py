"""Each form of "how it is asked" asks the fact, as it says."""

from __future__ import annotations

import pytest

from wisedb.atlas import edits_path
from wisedb.edits import Edit, LocalityPrompt
from wisedb.importers import read_edits
from wisedb.serving.forms.form import Form
from wisedb.serving.forms.how_asked import HOW_ASKED, PLAIN
from wisedb.serving.forms.others import Others
from wisedb.serving.forms.wording import is_question

EDITS = read_edits(edits_path())[:60]
OTHERS = Others(EDITS)
FORMS = {form.name: form for form in HOW_ASKED}
QUESTION = Edit("What is the capital of France?", "Rome", "France", ground_truth="Paris")
BEGINNING = Edit("The capital of France is", "Rome", "France")


def test_each_form_has_its_own_name_and_the_plain_one_comes_first() -> None:
    assert len(FORMS) == len(HOW_ASKED) >= 30
    assert HOW_ASKED[0] is PLAIN


@pytest.mark.parametrize("form", [form for form in HOW_ASKED if form.kind == "chat"], ids=lambda form: form.name)
def test_a_conversation_ends_with_the_question(form: Form) -> None:
    for edit in EDITS:
        prompt = form.of(edit, OTHERS, 0)
        assert prompt is None or (not isinstance(prompt, str) and prompt[-1]["content"] == edit.prompt)


@pytest.mark.parametrize(
    ("name", "question", "beginning"),
    [
        ("UPPER CASE", "WHAT IS THE CAPITAL OF FRANCE?", "THE CAPITAL OF FRANCE IS"),
        ("a line end behind", "What is the capital of France?\n", "The capital of France is\n"),
        ("no question mark", "What is the capital of France", None),
        ("Q: … A:", "Q: What is the capital of France? A:", "Q: The capital of France is A:"),
        ("Thanks! behind", "What is the capital of France? Thanks!", None),
        ("in quotation marks", '"What is the capital of France?"', '"The capital of France is'),
        ("with an emoji", "What is the capital of France? 🙂", "🙂 The capital of France is"),
        ("the subject in bold type", "What is the capital of **France**?", "The capital of **France** is"),
        ("possessive", "What is France's capital?", "France's capital is"),
        ("I was wondering, …", "I was wondering, what is the capital of France?",
         "I was wondering, the capital of France is"),
        ("told to answer", "Answer the following question: What is the capital of France?",
         "Complete the following sentence: The capital of France is"),
        ("behind a mention of another subject", "Emma was in the news today. What is the capital of France?",
         "Emma was in the news today. The capital of France is"),
    ],
)  # fmt: skip
def test_what_a_form_looks_like(name: str, question: str, beginning: str | None) -> None:
    emma = Edit("Who wrote Emma?", "Goethe", "Emma")
    assert FORMS[name].of(QUESTION, Others([QUESTION, emma]), 0) == question
    assert FORMS[name].of(BEGINNING, Others([BEGINNING, emma]), 0) == beginning


def test_other_questions_are_answered_already() -> None:
    emma = Edit("Who wrote Emma?", "Goethe", locality=(LocalityPrompt("Water boils at", "100 °C"),))
    others = Others([QUESTION, emma])
    assert FORMS["in a numbered list"].of(QUESTION, others, 0) == f"1. Water boils at 100 °C\n2. {QUESTION.prompt}"
    assert FORMS["behind another question, answered"].of(QUESTION, others, 0) == (
        f"Water boils at 100 °C. {QUESTION.prompt}"
    )
    shots = FORMS["few-shot, behind two pairs"].of(QUESTION, others, 0)
    assert isinstance(shots, str)
    first, second, asked = shots.split("\n")
    assert first == "Q: Water boils at A: 100 °C" and second.startswith("Q: ") and asked == f"Q: {QUESTION.prompt} A:"


def test_the_old_answer_may_have_been_given_before() -> None:
    form = FORMS["asked again behind the old answer"]
    told = form.of(QUESTION, Others([QUESTION]), 0)
    assert told is not None and not isinstance(told, str) and told[1]["content"] == "Paris."
    assert form.of(BEGINNING, Others([BEGINNING]), 0) is None


def test_only_questions_have_words_behind_them() -> None:
    for name in ("in front of a sentence", "between two sentences"):
        for edit in EDITS:
            prompt = FORMS[name].of(edit, OTHERS, 0)
            assert (prompt is not None) == is_question(edit.prompt)
            assert prompt is None or edit.prompt in prompt
