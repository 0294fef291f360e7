"""How a chat model's template frames a conversation, as token ids: where a message stands, and where a reply begins."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

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
_FIRST, _REPLY = "Zebra", "Quartz"
# Messages of which no two begin or end alike: the tokens that all of them share are the template's, also where a
# tokenizer joins a sign of the template with one of the message.
_PROBES = (_FIRST, "who is it?", "The end.", "12 of 30", "Éa!", "(so)")
# Around what a model thinks before it replies.
_THINK, _THOUGHT = "<think>", "</think>"
# Some templates ask for the day. What is learned must not depend on when that was, so that it is always this one; what
# is asked for beside it stays as it is written.
_DAY = {"%d": "26", "%-d": "26", "%m": "07", "%b": "Jul", "%B": "July", "%Y": "2024", "%y": "24", "%A": "Friday"}
_CLOCK = "strftime_now"
_STOPPED = (
    f"{{%- macro {_CLOCK}(wanted) -%}}{{{{- wanted"
    + "".join(f" | replace('{sign}', '{value}')" for sign, value in _DAY.items())
    + " -}}{%- endmacro -%}"
)


@dataclass(frozen=True, slots=True)
class Thinking:
    """How a template marks what a model thinks before it replies.

    Attributes:
        empty: token ids of an empty thought, which stand between the opening and the reply; not empty.
        end: how many of the last ones end every thought; one at least.
        own: whether the model begins each reply with a thought by itself.
    """

    empty: tuple[int, ...]
    end: int
    own: bool = False

    def over(self, reply: Sequence[int]) -> int | None:
        """How many tokens of a reply are its thought: 0 without one, None while it isn't over.

        Args:
            reply: the token ids behind the opening, so far.
        """
        if not reply and self.own:
            return None
        if tuple(reply[:1]) != self.empty[:1]:
            return 0
        end = self.empty[-self.end :]
        places = range(1, len(reply) - self.end + 1)
        return next((place + self.end for place in places if tuple(reply[place : place + self.end]) == end), None)


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """The frame of a user's message.

    Attributes:
        start: token ids that stand before the first message of a conversation without a system message; not empty.
        header: token ids that stand before every message of a user; not empty.
        opening: token ids between a user's message and the reply, or the thought with which it begins; not empty.
        digest: SHA-256 of the template, in hexadecimal.
        system: whether the template takes a system message.
        thinking: how thoughts are marked, None where the template has none.
    """

    start: tuple[int, ...]
    header: tuple[int, ...]
    opening: tuple[int, ...]
    digest: str
    system: bool
    thinking: Thinking | None = None


def template_digest(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """SHA-256 of a tokenizer's chat template, in hexadecimal; None without one."""
    template = getattr(tokenizer, "chat_template", None)
    return hashlib.sha256(template.encode()).hexdigest() if isinstance(template, str) and template else None


def chat_format(tokenizer: PreTrainedTokenizerBase) -> ChatFormat | None:
    """The frame of a tokenizer's chat template.

    Returns:
        None where there is no template, or one whose messages don't stand in a frame of their own: a text that was
        rendered by it can't be taken apart again.
    """
    digest = template_digest(tokenizer)
    if digest is None:
        return None
    earlier = [user(_FIRST), {"role": "assistant", "content": _REPLY}]
    try:
        once = [_on_a_day(tokenizer, [user(probe)]) for probe in _PROBES]
        twice = [_on_a_day(tokenizer, [*earlier, user(probe)]) for probe in _PROBES]
        thoughtless = _on_a_day(tokenizer, [user(_FIRST)], enable_thinking=False)
    except _REFUSALS:
        return None
    several = twice[1].count(_FIRST) == twice[1].count(_REPLY) == once[0].count(_FIRST) == 1
    if not several or any(text.count(probe) != 1 for text, probe in zip(twice[1:], _PROBES[1:], strict=True)):
        return None
    behind = once[0].partition(_FIRST)[2]
    if any(text.partition(probe)[2] != behind for text, probe in zip(twice[1:], _PROBES[1:], strict=True)):
        return None
    thinking = _thinking(tokenizer, behind, thoughtless.partition(_FIRST)[2])
    # A thought is the reply's and not of its opening, whoever began it.
    begun = behind[behind.index(_THINK) :] if thinking and _THINK in behind else ""
    first, later = ([_ids(tokenizer, text.removesuffix(begun)) for text in texts] for texts in (once, twice))
    start, before = (_without_space(tokenizer, _common_beginning(rows)) for rows in (first, later))
    header, opening = _common_end([start, before]), _common_end([*first, *later])
    if not header or not opening or any(len(ids) <= len(start) + len(opening) for ids in first):
        return None
    return ChatFormat(tuple(start), tuple(header), tuple(opening), digest, _takes_system(tokenizer), thinking)


def _thinking(tokenizer: PreTrainedTokenizerBase, behind: str, thoughtless: str) -> Thinking | None:
    """How thoughts are marked, from what stands behind a message, and what does where none is wanted."""
    text = next((text for text in (behind, thoughtless) if _THINK in text), None)
    if text is None:
        return None
    block = text[text.index(_THINK) :]
    # Of a model that always thinks the thought is left open.
    block = block if _THOUGHT in block else f"{_THINK}\n\n{_THOUGHT}\n\n"
    signs = [_ids(tokenizer, sign) for sign in (_THINK, _THOUGHT)]
    ids = _ids(tokenizer, block)
    if any(len(sign) != 1 for sign in signs) or ids[:1] != signs[0] or signs[1][0] not in ids:
        return None
    return Thinking(tuple(ids), len(ids) - ids.index(signs[1][0]))


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
    return _rendered(tokenizer, messages)


def encode_said(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int] | None:
    """Messages as token ids, to the end of the last one; None where the template doesn't take or write them all."""
    try:
        text = str(tokenizer.apply_chat_template([dict(message) for message in messages], tokenize=False))
    except _REFUSALS:
        return None
    return _ids(tokenizer, text) if all(message["content"] in text for message in messages) else None


def encode_chat(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """A conversation as token ids, up to where the model's reply begins."""
    # The template writes what special tokens there are.
    return _ids(tokenizer, render(tokenizer, messages))


def encode_question(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], opening: Sequence[int], thinking: Thinking | None
) -> list[int]:
    """A conversation that ends with a question, as token ids, up to where the answer begins.

    That is behind an empty thought where the template has thoughts, and on one and the same day.

    Args:
        tokenizer: the tokenizer.
        messages: the conversation.
        opening, thinking: of the template's :class:`ChatFormat`.
    """
    return without_thought(_ids(tokenizer, _on_a_day(tokenizer, messages)), opening, thinking)


def without_thought(ids: Sequence[int], opening: Sequence[int], thinking: Thinking | None) -> list[int]:
    """A conversation up to where a reply begins, with an empty thought behind it, where the template has thoughts.

    Args:
        ids: its token ids; a thought that the template begins is left out.
        opening, thinking: of the template's :class:`ChatFormat`.
    """
    size, wanted = len(opening), list(opening)
    end = next((end for end in range(len(ids), size, -1) if list(ids[end - size : end]) == wanted), len(ids))
    return [*ids[:end], *(thinking.empty if thinking else ())]


def encode_reply(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], reply: str) -> list[int]:
    """The token ids of the beginning of a reply, as the model would generate it."""
    before = encode_chat(tokenizer, messages)
    both = _ids(tokenizer, render(tokenizer, messages) + reply)
    if both[: len(before)] == before and len(both) > len(before):
        return both[len(before) :]
    return _ids(tokenizer, reply)


def _rendered(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], **options: Any) -> str:
    rendered = tokenizer.apply_chat_template(
        [dict(message) for message in messages], add_generation_prompt=True, tokenize=False, **options
    )
    return str(rendered)


def _on_a_day(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], **options: Any) -> str:
    # What a template defines itself wins over what transformers gives it.
    template = str(tokenizer.chat_template)
    return _rendered(
        tokenizer, messages, chat_template=_STOPPED + template if _CLOCK in template else template, **options
    )


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return [int(token) for token in tokenizer(text, add_special_tokens=False)["input_ids"]]


def _without_space(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> list[int]:
    # A space in front of a message is the message's: it may be one token with its first letters.
    while ids and not str(tokenizer.decode(ids[-1:])).strip(" "):
        ids = ids[:-1]
    return ids


def _common_beginning(rows: Sequence[Sequence[int]]) -> list[int]:
    same = takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False))
    return [column[0] for column in same]


def _common_end(rows: Sequence[Sequence[int]]) -> list[int]:
    return _common_beginning([row[::-1] for row in rows])[::-1]
