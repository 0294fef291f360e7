"""What a model is asked: a prompt as it stands, or a user's message behind the chat template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.edits import Edit
from wisedb.model.chat import ChatFormat, Message, chat_format, encode_chat, encode_question, user, without_thought
from wisedb.model.tokens import encode_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Prompt = str | tuple[Message, ...]
"""What is asked: a text, or a conversation that ends with a user's message."""


def question(edit: Edit, *, chat: bool) -> Prompt:
    """An edit's own question: its prompt as it stands, or the conversation that it ends."""
    return edit.conversation if chat else edit.prompt


@dataclass(frozen=True, slots=True)
class Chat:
    """How a prompt is asked behind the chat template.

    Attributes:
        system: the system message; ``None`` for the template's own.
        thoughtless: the template's frame, where a reply is to begin behind an empty thought; ``None`` lets a model
            think as it does.
    """

    system: str | None = None
    thoughtless: ChatFormat | None = None


def encode_asked(tokenizer: PreTrainedTokenizerBase, prompt: Prompt, chat: Chat | None = None) -> list[int]:
    """The token ids of what is asked, up to where the answer begins; none of a blank message.

    Args:
        tokenizer: the tokenizer.
        prompt: what is asked; a conversation always behind the template.
        chat: how a text is asked behind it too; ``None`` to continue it as it is.
    """
    if isinstance(prompt, str) and chat is None:
        return encode_prompt(tokenizer, prompt)
    messages = (user(prompt),) if isinstance(prompt, str) else prompt
    if not messages[-1]["content"].strip():
        return []
    system: list[Message] = [] if chat is None or chat.system is None else [{"role": "system", "content": chat.system}]
    ids = encode_chat(tokenizer, [*system, *messages])
    frame = None if chat is None else chat.thoughtless
    return ids if frame is None else without_thought(ids, frame.opening, frame.thinking)


def encode_as_learned(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """The token ids of a conversation as edits are learned in it: behind an empty thought, on one and the same day."""
    frame = chat_format(tokenizer)
    if frame is None:
        return encode_chat(tokenizer, messages)
    return encode_question(tokenizer, messages, frame.opening, frame.thinking)
