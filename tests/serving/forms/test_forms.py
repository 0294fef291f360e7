"""Every form can be had, asks what it says, and is the same for the same seed."""

from __future__ import annotations

import pytest

from wisedb.atlas import edits_path
from wisedb.edits import Edit
from wisedb.importers import read_edits
from wisedb.serving.asked import Prompt
from wisedb.serving.forms.asked import HOW_ASKED, PLAIN
from wisedb.serving.forms.form import Form
from wisedb.serving.forms.others import Others
from wisedb.serving.forms.silent import MUST_NOT_FIRE
from wisedb.serving.forms.wording import is_question, subject_in

EDITS = read_edits(edits_path())[:60]
OTHERS = Others(EDITS)
FORMS = (*HOW_ASKED, *MUST_NOT_FIRE)


def _last(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else prompt[-1]["content"]


def named(name: str) -> Form:
    return next(form for form in FORMS if form.name == name)


def test_each_form_has_its_own_name_and_the_plain_one_comes_first() -> None:
    assert len({form.name for form in HOW_ASKED}) == len(HOW_ASKED) >= 30
    assert len({form.name for form in MUST_NOT_FIRE}) == len(MUST_NOT_FIRE) >= 20
    assert HOW_ASKED[0] is PLAIN


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_form_is_of_its_kind_and_comes_from_the_seed_alone(form: Form) -> None:
    prompts = [form.of(edit, OTHERS, 0) for edit in EDITS]
    there = [prompt for prompt in prompts if prompt is not None]
    assert there
    for prompt in there:
        assert isinstance(prompt, str) == (form.kind == "plain")
        if not isinstance(prompt, str):
            roles = [message["role"] for message in prompt]
            assert (roles[0] == "system") == form.system
            turns = roles[form.system :]
            assert turns == ["user", "assistant"] * (len(turns) // 2) + ["user"]
    assert prompts == [form.of(edit, Others(EDITS), 0) for edit in EDITS]


@pytest.mark.parametrize("form", [form for form in HOW_ASKED if form.kind == "chat"], ids=lambda form: form.name)
def test_a_conversation_that_asks_ends_with_the_question(form: Form) -> None:
    asked = [(form.of(edit, OTHERS, 0), edit.prompt) for edit in EDITS]
    assert all(prompt is None or _last(prompt) == question for prompt, question in asked)


@pytest.mark.parametrize("form", MUST_NOT_FIRE, ids=lambda form: form.name)
def test_a_form_that_must_not_fire_asks_no_edit(form: Form) -> None:
    for edit in EDITS:
        prompt = form.of(edit, OTHERS, 0)
        if prompt is not None:
            assert _last(prompt) not in {other.prompt for other in EDITS}
            assert _last(prompt) not in edit.rephrases


QUESTION = Edit("What is the capital of France?", "Rome", "France", ground_truth="Paris")
BEGINNING = Edit("The capital of France is", "Rome", "France")
PAIR = Others([QUESTION])


@pytest.mark.parametrize(
    ("name", "question", "beginning"),
    [
        ("UPPER CASE", "WHAT IS THE CAPITAL OF FRANCE?", "THE CAPITAL OF FRANCE IS"),
        ("no question mark", "What is the capital of France", None),
        ("Q: … A:", "Q: What is the capital of France? A:", "Q: The capital of France is A:"),
        ("Thanks! behind", "What is the capital of France? Thanks!", None),
        ("in quotation marks", '"What is the capital of France?"', '"The capital of France is'),
        ("with an emoji", "What is the capital of France? 🙂", "🙂 The capital of France is"),
        ("the subject in bold type", "What is the capital of **France**?", "The capital of **France** is"),
        ("I was wondering, …", "I was wondering, what is the capital of France?",
         "I was wondering, the capital of France is"),
        ("told to answer", "Answer the following question: What is the capital of France?",
         "Complete the following sentence: The capital of France is"),
        ("spell the subject", "Spell the name France:", "Spell the name France:"),
        ("translate the prompt", "Translate into French: What is the capital of France?",
         "Translate into French: The capital of France is"),
        ("asked again behind the old answer", "What is the capital of France?", None),
        ("behind a mention of another subject", None, None),
    ],
)  # fmt: skip
def test_what_a_form_looks_like(name: str, question: str | None, beginning: str | None) -> None:
    for edit, shown in ((QUESTION, question), (BEGINNING, beginning)):
        found = named(name).of(edit, PAIR if edit is QUESTION else Others([BEGINNING]), 0)
        assert (None if found is None else _last(found)) == shown


def test_only_questions_have_words_behind_them() -> None:
    for name in ("in front of a sentence", "between two sentences"):
        for edit in EDITS:
            prompt = named(name).of(edit, OTHERS, 0)
            assert (prompt is not None) == is_question(edit.prompt)
            assert prompt is None or edit.prompt in prompt


def test_an_edit_without_a_subject_has_the_forms_that_need_none() -> None:
    edit = Edit("it is said that the answer is", "no")
    assert subject_in(edit) is None
    others = Others([edit, *EDITS])
    for form in FORMS:
        prompt = form.of(edit, others, 0)
        assert prompt is None or "None" not in str(prompt)
