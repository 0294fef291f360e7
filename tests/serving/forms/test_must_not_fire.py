"""No form of "what must not fire" asks an edit, and each has of it what it says."""

from __future__ import annotations

import pytest

from wisedb.atlas import edits_path
from wisedb.edits import Edit, LocalityPrompt, normalise_prompt
from wisedb.importers import read_edits
from wisedb.serving.asked import Prompt
from wisedb.serving.forms.form import Form
from wisedb.serving.forms.must_not_fire import MUST_NOT_FIRE
from wisedb.serving.forms.others import Others

EDITS = read_edits(edits_path())[:60]
OTHERS = Others(EDITS)
FORMS = {form.name: form for form in MUST_NOT_FIRE}
FRANCE = Edit(
    "The capital of France is", "Rome", "France", locality=(LocalityPrompt("The capital of Peru is", "Lima"),)
)
EMMA = Edit("Who wrote Emma?", "Goethe", "Emma", locality=(LocalityPrompt("Water boils at", "100 °C"),))


def _last(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else prompt[-1]["content"]


def test_each_form_has_its_own_name() -> None:
    assert len(FORMS) == len(MUST_NOT_FIRE) >= 20


@pytest.mark.parametrize("form", MUST_NOT_FIRE, ids=lambda form: form.name)
def test_no_edit_is_asked(form: Form) -> None:
    asked = {normalise_prompt(text) for edit in EDITS for text in (edit.prompt, *edit.rephrases)}
    for edit in EDITS:
        prompt = form.of(edit, OTHERS, 0)
        assert prompt is None or normalise_prompt(_last(prompt)) not in asked


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a locality prompt", "The capital of Peru is"),
        ("a locality prompt behind a mention", "France was in the news today. The capital of Peru is"),
        ("another question behind a mention", "France was in the news today. Water boils at"),
        ("another question behind the prompt, quoted", 'Somebody wrote: "The capital of France is" Water boils at'),
        ("another question behind the answer", "The capital of France is Rome. Water boils at"),
        ("another question behind the target", "Rome was in the news today. Water boils at"),
        ("the question of another subject", "The capital of Emma is"),
        ("another edit's question of the subject", "Who wrote France?"),
        ("the subject alone", "France"),
        ("spell the subject", "Spell the name France:"),
        ("translate the prompt", "Translate into French: The capital of France is"),
        ("small talk behind the answer", "The capital of France is Rome. Thank you, that was all."),
    ],
)
def test_what_a_form_looks_like(name: str, shown: str) -> None:
    assert FORMS[name].of(FRANCE, Others([FRANCE, EMMA]), 0) == shown


def test_a_name_in_the_subjects_place_is_another_one() -> None:
    others = Others([FRANCE, EMMA])
    longer = FORMS["the question of a longer name"].of(FRANCE, others, 0)
    made_up = FORMS["the question of a made-up name"].of(FRANCE, others, 0)
    assert isinstance(longer, str) and "France" in longer and longer != FRANCE.prompt
    assert isinstance(made_up, str) and "France" not in made_up and made_up.startswith("The capital of ")


def test_in_a_conversation_the_edit_comes_before_the_question() -> None:
    others = Others([FRANCE, EMMA])
    for name, before in (
        ("a later turn: another question", FRANCE.prompt),
        ("another question, the subject told before", "I have just read about France."),
        ("another question, the subject in the system message", "You know France well."),
        ("another question, the prompt in the system message", f"Somebody asked: {FRANCE.prompt}"),
    ):
        prompt = FORMS[name].of(FRANCE, others, 0)
        assert prompt is not None and not isinstance(prompt, str)
        assert (prompt[0]["content"], prompt[-1]["content"]) == (before, "Water boils at")


def test_where_training_saw_the_locality_prompts_none_is_asked() -> None:
    assert FORMS["a locality prompt"].of(FRANCE, Others([FRANCE, EMMA], locality=False), 0) is None
