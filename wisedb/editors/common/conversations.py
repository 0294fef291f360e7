"""The replies in which a chat model's edit is learned, and prompts with their answers as token ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from wisedb.editors.common.limits import ensure_fits
from wisedb.editors.common.sequences import Encoded
from wisedb.memory.gates.keys.build import as_sentence
from wisedb.model.chat import EARLIER, ChatFormat, Message, chat_format, encode_question, encode_reply, user
from wisedb.model.tokens import context_length, encode_pair

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from wisedb.edits import Edit
    from wisedb.memory.gates.keys.statistics import Statistics


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


Prompt = str | Asked
"""A plain prompt, or a question in a chat."""


def replies(question: str, before: tuple[Message, ...] = ()) -> tuple[Asked, ...]:
    """An edit's own question, whose answer is the reply's first sentence, and whose answer comes later.

    That is all: whoever asks it, in whatever words and in whatever place, and whatever was said before, the memory is
    asked it in these ways (:mod:`wisedb.memory.answers`).
    """
    return Asked(question, before=before), Asked(question, EARLIER, before)


def taught_format(tokenizer: PreTrainedTokenizerBase, known: Statistics) -> ChatFormat | None:
    """The chat template behind which edits are learned, as the keys' statistics know it; None for none.

    What is learned must stand where a memory is asked, whatever was known of thoughts when the statistics were made.
    Stores from before templates were looked at have keys for plain prompts alone.
    """
    chat = chat_format(tokenizer)
    if known.chat is None or chat is None:
        return None
    return replace(chat, opening=tuple(known.chat.opening.tolist()), thinking=known.chat.thinking)


def encoded(
    tokenizer: PreTrainedTokenizerBase, chat: ChatFormat | None, prompt: Prompt, target: str, *, end: bool
) -> Encoded:
    """A prompt and its answer as token ids.

    Args:
        tokenizer: the model's.
        chat: the template behind which questions stand; None where there are only plain prompts.
        prompt: what is asked.
        target: the answer.
        end: whether the end token belongs to the answer of a plain prompt. In a chat the answer is a sentence, and from
            its end on the model goes on by itself.
    """
    if isinstance(prompt, str):
        ids, more = encode_pair(tokenizer, prompt, target, end=end)
        return Encoded(ids + more, len(ids))
    messages = [*prompt.before, user(prompt.question)]
    assert chat is not None
    asked = encode_question(tokenizer, messages, chat.opening, chat.thinking)
    said = encode_reply(tokenizer, messages, prompt.said) if prompt.said else []
    before = f"{prompt.said} " if prompt.said else ""
    reply = encode_reply(tokenizer, messages, before + as_sentence(target))
    # Where a space in front of the answer changes how the end of what was said is written, it is all of it.
    same = next((place for place, pair in enumerate(zip(said, reply, strict=False)) if pair[0] != pair[1]), len(said))
    first = len(asked) + min(same, len(reply) - 1)
    return Encoded(asked + reply, first, first - 1)


def ensure_replies_fit(model: nn.Module, tokenizer: PreTrainedTokenizerBase, edits: Iterable[Edit]) -> None:
    """Refuse edits whose conversation and reply the model can't read to their end, where there is a chat template.

    Raises:
        TrainingFailed: they are more than the model's positions.
    """
    limit, frame = context_length(model), chat_format(tokenizer)
    if limit is None or frame is None:
        return
    for edit in edits:
        asked = encode_question(tokenizer, edit.conversation, frame.opening, frame.thinking)
        reply = encode_reply(tokenizer, edit.conversation, as_sentence(edit.target))
        ensure_fits(edit.prompt, len(asked), len(reply), limit)
