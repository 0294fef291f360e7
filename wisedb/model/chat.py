"""How a chat model's template frames a conversation, as token ids: where a message stands, and where a reply begins."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from jinja2 import TemplateError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = Mapping[str, str]
"""``role`` and ``content``, as ``apply_chat_template`` takes them."""

EARLIER = "Sure."
"""Stands for what was said in a reply before the sentence that is looked at."""

# How a template says that it doesn't take a conversation.
_REFUSALS = (TemplateError, TypeError, ValueError, KeyError)
# Words that no template has.
_FIRST, _REPLY, _SECOND = "Zebra", "Quartz", "Walnut"


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """The frame of a user's message.

    Attributes:
        start: token ids that stand before the first message of a conversation without a system message; not empty.
        header: token ids that stand before every message of a user; not empty.
        opening: token ids between a user's message and the reply; not empty.
        digest: SHA-256 of the template, in hexadecimal.
        system: whether the template takes a system message.
    """

    start: tuple[int, ...]
    header: tuple[int, ...]
    opening: tuple[int, ...]
    digest: str
    system: bool


def chat_format(tokenizer: PreTrainedTokenizerBase) -> ChatFormat | None:
    """The frame of a tokenizer's chat template.

    Returns:
        None where there is no template, or one whose messages don't stand in a frame of their own: a text that was
        rendered by it can't be taken apart again.
    """
    digest = template_digest(tokenizer)
    if digest is None:
        return None
    try:
        once = render(tokenizer, [user(_FIRST)])
        twice = render(tokenizer, [user(_FIRST), {"role": "assistant", "content": _REPLY}, user(_SECOND)])
    except _REFUSALS:
        return None
    if once.count(_FIRST) != 1 or twice.count(_FIRST) != 1 or twice.count(_REPLY) != 1 or twice.count(_SECOND) != 1:
        return None
    before, after = once.split(_FIRST)
    between, opening = twice.split(_REPLY)[1].split(_SECOND)
    if after != opening:
        return None
    start = _ids(tokenizer, before)
    header = _common_end(start, _ids(tokenizer, between))
    found = ChatFormat(tuple(start), tuple(header), tuple(_ids(tokenizer, opening)), digest, _takes_system(tokenizer))
    if not found.header or not found.opening:
        return None
    ids = encode_chat(tokenizer, [user(_FIRST)])
    return found if ids == [*found.start, *_ids(tokenizer, _FIRST), *found.opening] else None


def template_digest(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """SHA-256 of a tokenizer's chat template, in hexadecimal; None where there is none."""
    template = getattr(tokenizer, "chat_template", None)
    return hashlib.sha256(template.encode()).hexdigest() if isinstance(template, str) and template else None


def _takes_system(tokenizer: PreTrainedTokenizerBase) -> bool:
    try:
        told = render(tokenizer, [{"role": "system", "content": _REPLY}, user(_FIRST)])
    except _REFUSALS:
        return False
    return _REPLY in told


def takes(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> bool:
    """Whether the chat template renders a conversation with all its messages, one behind the other."""
    try:
        rendered = render(tokenizer, messages)
    except _REFUSALS:
        return False
    place = 0
    for message in messages:
        text = message["content"].strip()
        found = rendered.find(text, place)
        if found < 0:
            return False
        place = found + len(text)
    return True


def user(content: str) -> Message:
    """A user's message."""
    return {"role": "user", "content": content}


def render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    """A conversation as text, up to where the model's reply begins."""
    rendered = tokenizer.apply_chat_template(
        [dict(message) for message in messages], add_generation_prompt=True, tokenize=False
    )
    return str(rendered)


def encode_chat(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """A conversation as token ids, up to where the model's reply begins."""
    # The template writes what special tokens there are.
    return _ids(tokenizer, render(tokenizer, messages))


def encode_reply(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], reply: str) -> list[int]:
    """The token ids of the beginning of a reply, as the model would generate it."""
    before = encode_chat(tokenizer, messages)
    both = _ids(tokenizer, render(tokenizer, messages) + reply)
    if both[: len(before)] == before and len(both) > len(before):
        return both[len(before) :]
    return _ids(tokenizer, reply)


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return [int(token) for token in tokenizer(text, add_special_tokens=False)["input_ids"]]


def _common_end(one: Sequence[int], other: Sequence[int]) -> list[int]:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(reversed(one), reversed(other), strict=False))
    return [token for token, _ in pairs][::-1]
