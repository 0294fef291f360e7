"""The facts that prompts and messages ask for, as a text to put in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats import FRANCE, HAMLET, OTHER
from wisedb.errors import InputError
from wisedb.memory.context.wording import told
from wisedb.memory.kinds.facts_in_context import Fact
from wisedb.repository import Repository


def message(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_a_prompt_has_its_facts(chat_history: Repository) -> None:
    found = chat_history.context(HAMLET.prompt)
    assert found.facts == (HAMLET,) and found.text == told([Fact(HAMLET.prompt, HAMLET.target)])
    assert found.messages is None and "messages" not in found.to_json()
    nothing = chat_history.context(OTHER)
    assert (nothing.facts, nothing.text) == ((), "")


def test_messages_are_given_back_with_the_facts_behind_the_first_ones(chat_history: Repository) -> None:
    tool = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    asked = [
        message("system", "Be brief."),
        message("user", OTHER),
        tool,
        {"role": "tool", "tool_call_id": "1", "content": "noon"},
        message("assistant", "Noon."),
        message("user", [{"type": "text", "text": FRANCE.prompt}, {"type": "image_url", "image_url": {"url": "x"}}]),
    ]
    found = chat_history.context(asked)
    assert found.facts == (FRANCE,) and found.prompt == FRANCE.prompt
    assert found.messages == (asked[0], message("system", found.text), *asked[1:])
    # What was asked in an earlier turn is over.
    over = [message("user", FRANCE.prompt), message("assistant", "Rome."), message("user", OTHER)]
    assert chat_history.context(over).messages == tuple(over)


@pytest.mark.parametrize(
    "asked",
    ["", [], [message("assistant", "Hello.")], [message("user", " ")], [{"content": "Hello"}], ["Hello"], [None]],
)
def test_what_asks_nothing_is_refused(chat_history: Repository, asked: Any) -> None:
    with pytest.raises(InputError):
        chat_history.context(asked)
