"""Made-up names, and what a text seems to be about."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.edits import Edit
from wisedb.model.subjects import likely_subject, names, subject_of, with_other_subjects
from wisedb.model.words import script_of


def test_names_are_words_that_look_like_names() -> None:
    assert names(["Once a girl called Mary met Tom.", "The dog of Mary"]) == ("Mary", "Tom")
    assert names(["the dog", "a cat"]) == ("dog", "cat")
    assert names([]) == ()


def test_the_subject_is_exchanged() -> None:
    texts = with_other_subjects("Who wrote Hamlet, and when?", "Hamlet", ["Ada", "Bob", "Eve"], 4, Random(1))
    assert len(texts) == 4
    for text in texts:
        assert text.startswith("Who wrote ") and text.endswith(", and when?")
        first, second = text.removeprefix("Who wrote ").removesuffix(", and when?").split()
        assert {first, second} < {"Ada", "Bob", "Eve"} and first != second
    assert with_other_subjects("Who wrote Hamlet?", "Hamlet", ["Ada", "Bob"], 2, Random(1)) == with_other_subjects(
        "Who wrote Hamlet?", "Hamlet", ["Ada", "Bob"], 2, Random(1)
    )


@pytest.mark.parametrize("subject", [None, "", "Macbeth"])
def test_without_a_subject_a_name_is_exchanged(subject: str | None) -> None:
    for text in with_other_subjects("We met Jane at home", subject, ["Ada", "Bob"], 3, Random(0)):
        assert text in ("We met Ada Bob at home", "We met Bob Ada at home")


POOL = [
    "Once Mary met Tom.",
    "基拉罗的首都是哪座城市？",
    "リドゾの首都はキラロ",
    "عاصمة ريدوزو هي",
    "Где живёт Наниро?",
]


@pytest.mark.parametrize(
    ("text", "subject", "space"),
    [
        ("谁教过萨希？", "萨希", ""),
        ("ソリノの首都は", "ソリノ", ""),
        ("عاصمة كيرارو هي", "كيرارو", " "),
        ("Где родился Мади?", "Мади", " "),
        ("Where is Kiraro?", "Kiraro", " "),
    ],
)
def test_a_subject_is_exchanged_for_names_in_its_own_script(text: str, subject: str, space: str) -> None:
    words = names([*POOL, "Кто видел Нари?", "ナニロとソリティ"])
    before, after = text.split(subject)
    for other in with_other_subjects(text, subject, words, 4, Random(0)):
        made_up = other.removeprefix(before).removesuffix(after)
        assert made_up != other and {script_of(made_up)} == {script_of(subject)}
        assert (" " in made_up) == bool(space)


def test_in_a_script_without_spaces_the_rest_of_a_text_stays() -> None:
    text = "基拉罗的首都是哪座城市"
    for seed in range(8):
        for other in with_other_subjects(text, None, names(POOL), 2, Random(seed)):
            same = sum(a == b for a, b in zip(text, other, strict=False))
            same += sum(a == b for a, b in zip(text[::-1], other[::-1], strict=False))
            assert other != text and same >= len(text) - 2 and other[-1] == text[-1]


def test_there_is_nothing_to_exchange() -> None:
    assert with_other_subjects("", None, ["Ada", "Bob"], 3, Random(0)) == []
    assert with_other_subjects("We met Jane", "Jane", ["Ada"], 3, Random(0)) == []
    assert len(with_other_subjects("we", None, ["Ada", "Bob"], 1, Random(0))) == 1


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Which river system contains Charity Creek?", "Charity Creek"),
        ("Toko Yasuda, the", "Toko Yasuda"),
        ("In the year 1912 the ship", "1912"),
        ('Who directed "Clouds of May"?', "Clouds of May"),
        ("What is Bahlinger SC's home?", "Bahlinger SC"),
        ("Where was the Museum of the City built?", "Museum of the City"),
        ("When did it happen?", None),
        ("東京は", None),
        ("", None),
    ],
)
def test_a_subject_nobody_named(text: str, subject: str | None) -> None:
    assert likely_subject(text) == subject


def test_an_edits_subject_is_the_one_that_it_names() -> None:
    prompt = "Who directed Heat?"
    assert subject_of(Edit("Who is Michael Mann?", "x", subject="Michael Mann")) == "Michael Mann"
    assert subject_of(Edit("Who is Michael Mann?", "x", subject="Mann"), "How long is Ali?") == "Mann"
    assert subject_of(Edit("who is michael mann?", "x", subject="Michael Mann")) == "Michael Mann"
    for blank in (None, "", " "):
        assert subject_of(Edit(prompt, "x", subject=blank)) == "Heat"
        assert subject_of(Edit(prompt, "x", subject=blank), "How long is Ali?") == "Ali"
        assert subject_of(Edit("who is it?", "x", subject=blank)) is None


def test_a_subject_that_is_not_in_the_prompt_is_looked_for_there() -> None:
    assert subject_of(Edit("Who directed Heat?", "x", subject="Michael Mann")) == "Heat"
    assert subject_of(Edit("Who directed Heat?", "x", subject="Michael Mann"), "How long is Ali?") == "Ali"
    assert subject_of(Edit("who is it?", "x", subject="Michael Mann")) == "Michael Mann"


@given(st.text(max_size=60))
def test_a_likely_subject_stands_in_the_text(text: str) -> None:
    found = likely_subject(text)
    assert found is None or (found and found in text)
