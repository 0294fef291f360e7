"""What is asked as token ids: as it stands, or behind the template."""

from __future__ import annotations

from tests.models import tiny_chat_tokenizer
from wisedb.model.chat import encode_chat, user
from wisedb.model.tokens import encode_prompt
from wisedb.serving.asked import Chat, encode_asked

TOKENIZER = tiny_chat_tokenizer()
ASKED = "Who wrote the play Hamlet?"


def test_a_text_is_continued_or_asked() -> None:
    assert encode_asked(TOKENIZER, ASKED) == encode_prompt(TOKENIZER, ASKED)
    assert encode_asked(TOKENIZER, ASKED, Chat()) == encode_chat(TOKENIZER, [user(ASKED)])
    told = encode_asked(TOKENIZER, ASKED, Chat("Be brief."))
    assert told == encode_chat(TOKENIZER, [{"role": "system", "content": "Be brief."}, user(ASKED)])


def test_a_conversation_is_asked_whole() -> None:
    turns = (user("Hello!"), {"role": "assistant", "content": "Hello!"}, user(ASKED))
    assert encode_asked(TOKENIZER, turns) == encode_asked(TOKENIZER, turns, Chat()) == encode_chat(TOKENIZER, turns)


def test_nothing_is_asked_by_a_blank_message() -> None:
    assert encode_asked(TOKENIZER, " ", Chat()) == encode_asked(TOKENIZER, (user("\n"),)) == []
