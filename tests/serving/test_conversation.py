"""A conversation: what was said counts, each reply says which edit answered, and the base model stays as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chats import FRANCE, HAMLET, OTHER
from tests.memory.sides import random_memories
from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.errors import InputError, UnknownRevision, UsageError
from wisedb.memory.gates.base import Gate
from wisedb.memory.hooks import attach, handle_of
from wisedb.memory.memory import Memory
from wisedb.model.locate import locate
from wisedb.repository import Repository
from wisedb.serving.conversation import Conversation


@pytest.fixture
def talk(chat_history: Repository) -> Iterator[Conversation]:
    with chat_history.chat(max_new_tokens=8) as conversation:
        yield conversation


def test_replies_come_in_pieces_and_say_which_edit_answered(chat_history: Repository) -> None:
    alone = chat_history.generate([FRANCE.prompt, OTHER], chat=True, max_new_tokens=8)
    with chat_history.chat(max_new_tokens=8) as talk:
        heard: list[str] = []
        rome = talk.say(FRANCE.prompt, heard.append)
        assert rome == alone[0] and "".join(heard) == rome.text and len(heard) > 1
        assert rome.spans is not None and [(span.edit, span.start, span.end) for span in rome.spans] == [
            (FRANCE.id, 0, len("Rome."))
        ]
        talk.reset()
        assert talk.say(OTHER) == alone[1] and alone[1].spans == ()
    assert handle_of(chat_history.base.model) is None


def test_what_was_said_is_kept_and_can_be_forgotten(talk: Conversation) -> None:
    assert not talk.messages
    first = talk.say(OTHER)
    second = talk.say("And the play?")
    assert [(message["role"], message["content"]) for message in talk.messages] == [
        ("user", OTHER),
        ("assistant", first.text),
        ("user", "And the play?"),
        ("assistant", second.text),
    ]
    # What was said before counts: alone, the same words get another reply.
    talk.reset()
    assert not talk.messages and talk.say("And the play?") != second
    # The message in front of the reply decides, whatever was asked before it.
    asked = talk.say(HAMLET.prompt)
    assert asked.spans is not None and [span.edit for span in asked.spans] == [HAMLET.id]
    assert talk.say(OTHER).spans == ()


def test_the_base_is_asked_beside_the_conversation(chat_history: Repository, talk: Conversation) -> None:
    edited = talk.say(FRANCE.prompt)
    before = talk.messages
    heard: list[str] = []
    plain = talk.ask_base(heard.append)
    assert talk.messages == before and "".join(heard) == plain.text
    assert (plain.prompt, plain.routed, plain.spans) == (FRANCE.prompt, False, ()) and plain.text != edited.text
    # The memories answer again, as before.
    talk.reset()
    assert talk.say(FRANCE.prompt) == edited
    with chat_history.chat(mode="base", max_new_tokens=8) as unedited:
        assert unedited.say(FRANCE.prompt).text == unedited.ask_base().text == plain.text
    assert chat_history.generate(FRANCE.prompt, chat=True, base=True, max_new_tokens=8)[0].text == plain.text


def test_the_base_is_asked_within_the_conversation(talk: Conversation) -> None:
    talk.say(OTHER)
    talk.say("And the play?")
    inside = talk.ask_base()
    talk.reset()
    talk.say("And the play?")
    assert talk.ask_base() != inside


def test_always_on_memories_are_silent_for_the_base_too() -> None:
    model, tokenizer = tiny_model("llama"), tiny_chat_tokenizer()
    plain = Conversation(model, tokenizer, max_new_tokens=8).say(OTHER).text
    (memory,) = random_memories(locate(model), 1)
    handle = attach(model, Memory(memory.id, memory.change, Gate("always"), ()))
    talk = Conversation(model, tokenizer, handle, max_new_tokens=8)
    changed = talk.say(OTHER)
    assert changed.text != plain and changed.always_on == (memory.id,)
    assert talk.ask_base().text == plain and handle.always_on
    talk.reset()
    assert talk.say(OTHER) == changed


def test_a_reply_can_be_stopped_and_is_kept_as_far_as_it_came(talk: Conversation) -> None:
    whole = talk.say(FRANCE.prompt).text
    talk.reset()
    cut = talk.say(FRANCE.prompt, lambda piece: talk.stop()).text
    assert cut == whole[: len(cut)] and 0 < len(cut) < len(whole)
    assert [message["content"] for message in talk.messages] == [FRANCE.prompt, cut]
    # The next one isn't.
    talk.reset()
    assert talk.say(FRANCE.prompt).text == whole


def test_a_system_message_stands_in_front(chat_history: Repository) -> None:
    with chat_history.chat(system="You know Hamlet.", max_new_tokens=8) as talk:
        reply = talk.say(OTHER)
        assert talk.messages[0] == {"role": "system", "content": "You know Hamlet."} and len(talk.messages) == 3
        # Asked meanwhile, of a model of its own.
        assert [reply] == chat_history.generate(OTHER, system="You know Hamlet.", max_new_tokens=8)
        talk.reset()
        assert list(talk.messages) == [{"role": "system", "content": "You know Hamlet."}]


def test_what_can_not_be_said_is_not_kept(talk: Conversation) -> None:
    with pytest.raises(UsageError, match="nothing was asked"):
        talk.ask_base()
    with pytest.raises(InputError, match="empty message"):
        talk.say(" \n")
    with pytest.raises(InputError, match="tokens, the model takes 256"):
        talk.say("long " * 200)
    assert not talk.messages
    for _ in range(20):
        try:
            talk.say("The capital of France is Paris. The capital of Australia is Canberra.")
        except InputError as error:
            assert "Begin a new one" in error.hint
            break
    else:
        pytest.fail("a conversation without end")
    assert len(talk.messages) % 2 == 0 and talk.messages


def test_what_can_not_be_opened(chat_history: Repository, history: Repository) -> None:
    with pytest.raises(UsageError, match="no chat template") as caught, history.chat():
        pass
    assert "wisedb generate" in caught.value.hint
    with pytest.raises(UnknownRevision), chat_history.chat("nowhere"):
        pass
    with pytest.raises(UsageError, match="no mode"), chat_history.chat(mode="blend"):
        pass
    with pytest.raises(UsageError, match="one new token"), chat_history.chat(max_new_tokens=0):
        pass


@pytest.mark.parametrize("mode", ["context", "hybrid"])
def test_facts_are_told_again_behind_the_base_models_reply(chat_history: Repository, mode: str) -> None:
    told = (FRANCE.id,) if mode == "context" else ()
    with chat_history.chat(mode=mode, max_new_tokens=8) as talk:
        first = talk.say(FRANCE.prompt)
        assert first.facts == told and bool(first.spans) is (mode == "hybrid")
        assert talk.ask_base().facts is None
        talk.reset()
        assert talk.say(FRANCE.prompt) == first and talk.say(OTHER).facts == ()
