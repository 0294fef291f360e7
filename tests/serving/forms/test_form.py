"""Every form can be had, is of its kind, and is the same for the same seed."""

from __future__ import annotations

import pytest

from wisedb.atlas import edits_path
from wisedb.edits import Edit
from wisedb.importers import read_edits
from wisedb.serving.forms.form import Form
from wisedb.serving.forms.how_asked import HOW_ASKED
from wisedb.serving.forms.must_not_fire import MUST_NOT_FIRE
from wisedb.serving.forms.others import Others
from wisedb.serving.forms.wording import subject_in

EDITS = read_edits(edits_path())[:60]
OTHERS = Others(EDITS)
FORMS = (*HOW_ASKED, *MUST_NOT_FIRE)


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


def test_another_seed_chooses_otherwise() -> None:
    several = [[form.of(edit, OTHERS, seed) for form in FORMS for edit in EDITS] for seed in (0, 1)]
    assert several[0] != several[1]


def test_an_edit_without_a_subject_has_the_forms_that_need_none() -> None:
    edit = Edit("it is said that the answer is", "no")
    assert subject_in(edit) is None
    others = Others([edit, *EDITS])
    prompts = [form.of(edit, others, 0) for form in FORMS]
    assert any(prompt is None for prompt in prompts) and any(prompt is not None for prompt in prompts)
    assert not any(prompt is not None and "None" in str(prompt) for prompt in prompts)
