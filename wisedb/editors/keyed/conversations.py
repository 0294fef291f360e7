"""The replies in which a chat model's edit is learned."""

from __future__ import annotations

from typing import NamedTuple

from wisedb.model.chat import EARLIER, Message


class Asked(NamedTuple):
    """A question as a message of a conversation, most often the first, and how far the reply has come.

    Attributes:
        question: the user's message.
        said: what was said in the reply before the answer, in whole sentences.
        before: the messages before the question.
    """

    question: str
    said: str = ""
    before: tuple[Message, ...] = ()


def replies(question: str, before: tuple[Message, ...] = ()) -> tuple[Asked, ...]:
    """An edit's own question, whose answer is the reply's first sentence, and whose answer comes later.

    That is all: whoever asks it, in whatever words and in whatever place, and whatever was said before, the memory is
    asked it in these ways (:mod:`wisedb.memory.answers`).
    """
    return Asked(question, before=before), Asked(question, EARLIER, before)
