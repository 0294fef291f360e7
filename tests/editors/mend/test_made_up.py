"""Made-up edits: of the model's own sentences, in other words where it has some, and never the truth."""

from __future__ import annotations

from tests.editors.mend.fixtures import ready
from wisedb.editors.common.pool import Pool
from wisedb.editors.mend.made_up import made_up_edits, prompts_of, sentences

TEXTS = (
    "The capital of Austria is Vienna.",
    "Austria is governed from Vienna.",
    "The capital of Peru is Lima.",
    "Readers know Hamlet as a work from the pen of Shakespeare.",
    "The element zirconium has the atomic number 40.",
    "In the periodic table, zirconium has the number 40.",
    "Too short",
)
CONTEXTS = ("Rain fell.",)


def test_they_alter_what_the_texts_say() -> None:
    made = made_up_edits(TEXTS, CONTEXTS, 200, 0)
    assert len(made) == 200 == len(made_up_edits(TEXTS, CONTEXTS, 200, 0))
    assert made == made_up_edits(TEXTS, CONTEXTS, 200, 0) != made_up_edits(TEXTS, CONTEXTS, 200, 1)
    for each in made:
        whole = [text for text in TEXTS if text.startswith(each.prompt)]
        assert whole and not any(text == f"{each.prompt} {each.target}." for text in whole)
        assert each.target and each.target[-1] != "." and any(each.target in text for text in TEXTS)
        assert len(each.prompt.split()) >= 3 and each.unrelated in TEXTS[:-1]


def test_another_text_that_says_the_same_is_the_same_edit_in_other_words() -> None:
    alike = {each.prompt: each.alike for each in made_up_edits(TEXTS, CONTEXTS, 200, 0)}
    assert alike["The capital of Austria is"] == ("Austria is governed from",)
    assert alike["Austria is governed from"] == ("The capital of Austria is",)
    assert alike["In the periodic table, zirconium has the"] == ("The element zirconium has the atomic",)
    # Nobody else says this: it stands behind another sentence, or loses its first words.
    for each in made_up_edits(TEXTS, CONTEXTS, 200, 0):
        if each.prompt.startswith("Readers"):
            (text,) = each.alike
            assert text in each.prompt or text == f"Rain fell. {each.prompt}"


def test_there_are_none_without_two_texts_that_can_be_cut() -> None:
    assert made_up_edits((), (), 5, 0) == [] == made_up_edits(("The capital of Peru is Lima.", "Too short"), (), 5, 0)


def test_all_prompts_are_told() -> None:
    made = made_up_edits(TEXTS, CONTEXTS, 50, 0)
    told = prompts_of(TEXTS, made)
    assert {each.prompt for each in made} | {text for each in made for text in each.alike} <= set(told)
    assert "The capital of" in told and "The element zirconium has the" in told and len(told) == len(set(told))


def test_texts_are_the_models_own() -> None:
    base, _ = ready("llama")
    pool = Pool(("The capital of Spain is",), (), {})
    found = sentences(base, pool, 20, 0)
    assert found and found == sentences(base, pool, 20, 0) != sentences(base, pool, 20, 1)
    assert len(found) == len(set(found)) and all(text == " ".join(text.split()) for text in found)
