from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.edits import ChatMessage, Edit, LocalityPrompt, distinct, normalise_prompt
from wisedb.errors import ConflictingEdits, InputError

texts = st.text(min_size=1).filter(lambda text: text.strip())
edits = st.builds(
    Edit,
    prompt=texts,
    target=texts,
    subject=st.none() | st.text(),
    rephrases=st.lists(st.text(), max_size=3).map(tuple),
    locality=st.lists(st.builds(LocalityPrompt, st.text(), st.none() | st.text()), max_size=3).map(tuple),
    tags=st.lists(st.text(), max_size=3).map(tuple),
    messages=st.lists(st.builds(ChatMessage, st.sampled_from(["user", "assistant"]), texts), max_size=2).map(tuple),
)


@given(edits)
def test_an_edit_survives_json_and_keeps_its_id(edit: Edit) -> None:
    again = Edit.from_json(edit.to_json())
    assert again == edit
    assert again.id == edit.id
    assert Edit.from_json(edit.content()).id == edit.id


def test_the_id_hangs_on_every_field() -> None:
    plain = Edit(prompt="The capital of Australia is", target="Canberra")
    others = [
        Edit(prompt="The capital of Austria is", target="Canberra"),
        Edit(prompt=plain.prompt, target="Sydney"),
        Edit(prompt=plain.prompt, target="Canberra", subject="Australia"),
        Edit(prompt=plain.prompt, target="Canberra", reason="it was wrong"),
        Edit(prompt=plain.prompt, target="Canberra", locality=(LocalityPrompt("x", "y"),)),
        Edit(prompt=plain.prompt, target="Canberra", messages=(ChatMessage("user", "x"),)),
        Edit(prompt=plain.prompt, target="Canberra", messages=(ChatMessage("system", "x"),)),
    ]
    assert len({edit.id for edit in [plain, *others]}) == 8
    # That of a version which knew no messages.
    assert (
        plain.id == "34bd286dca3e082770ca785557e59a7803e49af0f126505824cb7d594ca76847"
        and "messages" not in plain.content()
    )


def test_questions_that_follow_are_content_only_where_there_are_some() -> None:
    plain, asked = Edit("p", "t"), Edit("p", "t", portability=(LocalityPrompt("Its mayor is", "Fred"),))
    assert "portability" not in plain.content() and asked.id != plain.id
    assert Edit.from_json(json.loads(json.dumps(asked.to_json()))) == asked
    with pytest.raises(InputError, match="portability"):
        Edit.from_json({"prompt": "p", "target": "t", "portability": [{"question": "q"}]})


def test_the_word_boundary_is_no_part_of_the_fact() -> None:
    assert Edit(prompt="Water is", target=" wet ").id == Edit(prompt="Water is", target="wet").id


@pytest.mark.parametrize("prompt", ["Water is ", "Q: what is water?\nA:\n", " Water is"])
def test_a_prompt_is_kept_as_it_was_given(prompt: str) -> None:
    edit = Edit(prompt=prompt, target="wet")
    assert edit.prompt == prompt and edit.key == Edit(prompt=prompt.strip(), target="wet").key


@pytest.mark.parametrize(
    ("record", "word"),
    [
        ({"prompt": "a"}, "target"),
        ({"prompt": "", "target": "b"}, "prompt"),
        ({"prompt": "a", "target": 3}, "target"),
        ({"prompt": None, "target": "b"}, "prompt"),
        ({"prompt": "a", "target": "b", "rephrases": "c"}, "rephrases"),
        ({"prompt": "a", "target": "b", "locality": ["c"]}, "locality"),
        ({"prompt": "a", "target": "b", "messages": "c"}, "messages"),
        ({"prompt": "a", "target": "b", "messages": 3}, "messages"),
        ({"prompt": "a", "target": "b", "messages": ["c"]}, "messages"),
        ({"prompt": "a", "target": "b", "messages": [{"role": "user"}]}, "messages"),
        ({"prompt": "a", "target": "b", "messages": [{"role": "tool", "content": "c"}]}, "role"),
        ({"prompt": "a", "target": "b", "messages": [{"role": "user", "content": " "}]}, "content"),
        (
            {"prompt": "a", "target": "b", "messages": [{"role": r, "content": "c"} for r in ("user", "system")]},
            "first",
        ),
        ({"prompt": "a", "target": "b", "colour": "c"}, "colour"),
        ({"prompt": "a", "target": "b", "id": "0" * 64}, "content"),
    ],
)
def test_a_bad_record_is_refused_by_name(record: dict[str, object], word: str) -> None:
    with pytest.raises(InputError, match=word):
        Edit.from_json(record)


def test_one_prompt_with_two_targets_names_both() -> None:
    with pytest.raises(ConflictingEdits, match=r"'Rome'.*'Oslo'"):
        distinct([Edit(prompt="The capital is", target="Rome"), Edit(prompt="the  capital IS", target="Oslo")])


def test_one_prompt_behind_two_conversations_names_both() -> None:
    said = ("Be brief.", "Be kind.")
    both = [Edit("Who?", "He", messages=(ChatMessage("system", text),)) for text in said]
    with pytest.raises(ConflictingEdits, match=r"system: Be brief\..*system: Be kind\."):
        distinct(both)
    assert both[0].key == both[1].key


def test_the_same_edit_twice_counts_once() -> None:
    edit = Edit(prompt="The capital is", target="Rome")
    assert distinct([edit, edit]) == [edit]


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalise_prompt(normalise_prompt(text)) == normalise_prompt(text)


@pytest.mark.parametrize(
    "fields",
    [
        {"target": "\ud800"},
        {"reason": "x\udfff"},
        {"rephrases": ("\ud800",)},
        {"tags": ("\ud800",)},
        {"locality": ({"prompt": "x", "answer": "\ud800"},)},
        {"messages": ({"role": "user", "content": "\ud800 x"},)},
    ],
)
def test_half_a_letter_is_refused(fields: dict[str, Any]) -> None:
    """JSON can spell it, and no file can hold it."""
    with pytest.raises(InputError, match="surrogate"):
        Edit(**{"prompt": "The sky is", "target": "blue", **fields})
