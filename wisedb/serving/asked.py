"""What a model is asked: a prompt as it stands, or a user's message behind the chat template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.edits import Edit
from wisedb.model.chat import Message, encode_chat, user
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
    """

    system: str | None = None


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
    return encode_chat(tokenizer, [*system, *messages])
