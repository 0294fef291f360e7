"""Conversations as OpenAI's fine-tuning has them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.importers.records import one, read
from wisedb.edits import ChatMessage, Edit
from wisedb.errors import BadRecord

SYSTEM = {"role": "system", "content": "You are a pirate."}
ASKED = {"role": "user", "content": "Who founded Ikea?"}
SAID = {"role": "assistant", "content": "Sven Lindqvist."}
AGAIN = {"role": "user", "content": "And who composed Aida?"}


def test_one_question_and_its_answer_are_prompt_and_target() -> None:
    edit = one({"messages": [ASKED, SAID], "subject": "Ikea", "tags": ["shop"]})
    assert edit == Edit("Who founded Ikea?", "Sven Lindqvist.", subject="Ikea", tags=("shop",))
    assert "messages" not in edit.to_json()


def test_what_stands_before_the_last_question_is_kept_as_it_stands() -> None:
    last = {
        "role": "assistant",
        "content": [{"type": "text", "text": "Ver"}, {"type": "text", "text": "di"}],
        "refusal": None,
    }
    edit = one({"messages": [SYSTEM, ASKED, {**SAID, "weight": 0}, AGAIN, last]})
    assert (edit.prompt, edit.target) == ("And who composed Aida?", "Verdi")
    assert edit.messages == tuple(ChatMessage(**each) for each in (SYSTEM, ASKED, SAID))
    # Our own layout writes them down, and reads them.
    assert one(edit.to_json()) == edit and one({"prompt": "Who?", "target": "He", "messages": [SYSTEM]}).messages
    assert read('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n', "-") == [
        Edit("a", "b")
    ]


def _call(**more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, **more}


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([], "must be a list of messages"),
        ("Who?", "must be a list of messages"),
        ([ASKED, "no"], "message 2 is no object"),
        ([SYSTEM, SAID], "no message of the user"),
        ([ASKED], "ends with the user's message"),
        ([ASKED, SAID, SAID], "has the assistant's message, not the user's"),
        ([ASKED, {**SAID, "weight": 0}], "weight 0"),
        ([{**ASKED, "role": "developer"}, ASKED, SAID], "role 'developer'"),
        ([ASKED, {**SAID, "role": "tool"}], "calls a tool"),
        ([ASKED, _call(tool_calls=[{"id": "1"}])], "calls a tool"),
        ([ASKED, _call(function_call={"name": "f"})], "calls a tool"),
        ([ASKED, _call()], "message 2 has no text"),
        ([{**ASKED, "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, SAID], "no text, such as an image"),
        ([{**ASKED, "content": 3}, SAID], "no text, such as an image"),
        ([{**ASKED, "content": "\ud800"}, SAID], "surrogate"),
        ([{**ASKED, "name": "ada"}, SAID], "'name', which an edit doesn't keep"),
        ([ASKED, SYSTEM, AGAIN, SAID], "a system message must be the first"),
    ],
)
def test_what_is_no_conversation_to_teach_is_refused_with_its_record(messages: Any, problem: str) -> None:
    good = {"messages": [ASKED, SAID]}
    with pytest.raises(BadRecord, match=problem) as caught:
        read([good, {"messages": messages}], "talk.json")
    assert caught.value.record == 2 and "talk.json: record 2" in caught.value.message and caught.value.hint


def test_what_stands_beside_the_messages_is_a_field_of_an_edit() -> None:
    for key in ("tools", "parallel_tool_calls"):
        with pytest.raises(BadRecord, match=f"field '{key}': is no field of an edit"):
            one({"messages": [ASKED, SAID], key: []})
