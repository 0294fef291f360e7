"""What is usual behind a base model's chat template, and how the model ends a reply.

A pure function of the model and its template: computed once a base model, with its other statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from wisedb.errors import CorruptObject
from wisedb.memory.gates.keys.manner import compute_manner
from wisedb.memory.gates.keys.pronouns import pronoun_tokens
from wisedb.memory.gates.keys.question_map import (
    compute_question_map,
    question_state,
    shipped_questions,
    shipped_statements,
)
from wisedb.model.capture import capture
from wisedb.model.chat import EARLIER, ChatFormat, Thinking, encode_question, encode_reply, user
from wisedb.model.locate import Projection
from wisedb.model.opening import read_opening
from wisedb.model.tokens import end_tokens
from wisedb.progress import Counter

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Stores from before templates were looked at have none of them.
CHAT_TENSORS = (
    "chat_mean",
    "chat_map",
    "chat_start",
    "chat_header",
    "chat_opening",
    "chat_earlier",
    "chat_pronouns",
)
# Stores from before replies were ended have none of them, and neither has a model that goes on behind every answer.
CLOSING_TENSORS = ("chat_manner", "chat_closing")
# Every so many of the shipped questions tell whether a model begins its replies with a thought.
_HABIT = 100


@dataclass(frozen=True, slots=True, eq=False)
class Closing:
    """How a reply ends.

    Attributes:
        manner: float32 (2, 2·d + 1): tells in which manner a sentence asks
            (:mod:`wisedb.memory.gates.keys.manner`).
        state: float32 (d_model,): what the last block gives where the model ends a reply.
    """

    manner: torch.Tensor
    state: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class ChatStatistics:
    """What is usual behind the model's chat template.

    Attributes:
        layers: the blocks at whose input it shows what is asked, the highest one last; their states stand side by
            side, d = n·d_model.
        mean: float32 (2·d,), the mean of what questions ask (:mod:`wisedb.memory.gates.keys.question_map`).
        map: float32 (2·d, r), as wide as the one of plain text.
        start: int32 (s,), the token ids before the first message of a conversation, see
            :class:`wisedb.model.chat.ChatFormat`.
        header: int32 (h,), those before every user's message.
        opening: int32 (o,), those between it and the reply.
        earlier: int32 (e,), those of a sentence that stands for whatever a reply said before.
        pronouns: int32 (p, 2), words that rest on what was said before (:mod:`wisedb.memory.gates.keys.pronouns`).
        template: SHA-256 of the template, in hexadecimal.
        thinking: how thoughts are marked, None where the template has none.
        closing: how a reply ends, None where that isn't known.
    """

    layers: tuple[int, ...]
    mean: torch.Tensor
    map: torch.Tensor
    start: torch.Tensor
    header: torch.Tensor
    opening: torch.Tensor
    earlier: torch.Tensor
    pronouns: torch.Tensor
    template: str
    thinking: Thinking | None = None
    closing: Closing | None = None

    def __post_init__(self) -> None:
        frame = (self.start, self.header, self.opening, self.earlier)
        framed = all(part.dtype == torch.int32 and part.ndim == 1 and len(part) for part in frame)
        ends = () if self.closing is None else (self.closing.manner, self.closing.state)
        parts = (self.mean, self.map, *ends)
        real = all(part.dtype == torch.float32 and bool(torch.isfinite(part).all()) for part in parts)
        wide = [(2, len(self.mean) + 1), (len(self.mean) // (2 * len(self.layers)),)]
        real = real and [part.shape for part in ends] == (wide if ends else [])
        framed = framed and self.pronouns.dtype == torch.int32 and self.pronouns.shape[1:] == (2,)
        if not framed or not real or self.mean.ndim != 1 or self.map.ndim != 2 or len(self.map) != len(self.mean):
            raise CorruptObject("the chat statistics' tensors don't belong together", hint="Run `wisedb fsck`.")

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors by name, for a blob."""
        parts = (self.mean, self.map, self.start, self.header, self.opening, self.earlier, self.pronouns)
        held = dict(zip(CHAT_TENSORS, parts, strict=True))
        if self.closing is not None:
            held |= zip(CLOSING_TENSORS, (self.closing.manner, self.closing.state), strict=True)
        return held

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, torch.Tensor], layers: tuple[int, ...], template: str, thinking: Thinking | None
    ) -> ChatStatistics:
        """What :meth:`tensors` gave, among others."""
        mean, chat_map, start, header, opening, earlier, pronouns = (tensors[name] for name in CHAT_TENSORS)
        closing = Closing(*(tensors[name] for name in CLOSING_TENSORS)) if CLOSING_TENSORS[0] in tensors else None
        return cls(layers, mean, chat_map, start, header, opening, earlier, pronouns, template, thinking, closing)

    def relations(self, states: torch.Tensor) -> torch.Tensor:
        """Relation keys of questions: what they ask, (..., 2·d) → float32 (..., r)."""
        place = states.device
        return (states.float() - self.mean.to(place)) @ self.map.to(place)

    def asked(self, message: Sequence[int]) -> list[int]:
        """The token ids of a conversation of one message, up to where the answer begins: behind an empty thought."""
        thought = () if self.thinking is None else self.thinking.empty
        return [*self.start.tolist(), *message, *self.opening.tolist(), *thought]


def compute_chat_statistics(
    model: PreTrainedModel,
    projection: Projection,
    tokenizer: PreTrainedTokenizerBase,
    frame: ChatFormat,
    layers: tuple[int, ...],
    width: int,
    counter: Counter,
) -> ChatStatistics:
    """Measure what is usual behind a model's chat template.

    Args:
        model: the base model, in evaluation mode, without memories.
        projection: the projection that is edited.
        tokenizer: its tokenizer.
        frame: that of its template.
        layers: the blocks at whose input it shows what is asked, the highest one last.
        width: of a relation key.
        counter: told how many texts were run.
    """
    asked = partial(_question_states, model, projection, tokenizer, layers, frame, counter)
    questions, statements = shipped_questions(), shipped_statements()
    states, quiet = asked([question.text for question in questions]), asked(statements)
    mean, relations = compute_question_map(states, questions, width)
    earlier = encode_reply(tokenizer, [user(EARLIER)], EARLIER)
    tokens = (frame.start, frame.header, frame.opening, earlier)
    start, header, opening, before = (torch.tensor(part, dtype=torch.int32) for part in tokens)
    state = _closing_state(model, projection, tokenizer, frame)
    return ChatStatistics(
        layers,
        mean,
        relations,
        start,
        header,
        opening,
        before,
        pronoun_tokens(tokenizer),
        frame.digest,
        _with_habit(model, projection, tokenizer, frame),
        None if state is None else Closing(compute_manner(states, [one.request for one in questions], quiet), state),
    )


@torch.no_grad()
def _closing_state(
    model: PreTrainedModel, projection: Projection, tokenizer: PreTrainedTokenizerBase, frame: ChatFormat
) -> torch.Tensor | None:
    """What the last block gives where the model ends a reply, float32 (d_model,); None where it goes on.

    The reply says once more what was said: nothing is left to say. A model that was told a fact ends its reply so too.
    """
    messages = [user(EARLIER), {"role": "assistant", "content": EARLIER}, user(EARLIER)]
    asked = encode_question(tokenizer, messages, frame.opening, frame.thinking)
    ids = [*asked, *encode_reply(tokenizer, messages, EARLIER)]
    kept: list[torch.Tensor] = []

    def keep(_module: object, _args: object, output: Any) -> None:
        kept.append(output if isinstance(output, torch.Tensor) else output[0])

    handle = projection.blocks[-1].register_forward_hook(keep)
    try:
        logits = model(input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits
    finally:
        handle.remove()
    ends = int(logits[0, -1].argmax()) in end_tokens(model, tokenizer)
    return kept[0].reshape(len(ids), -1)[-1].float().cpu().clone() if ends else None


def _question_states(
    model: PreTrainedModel,
    projection: Projection,
    tokenizer: PreTrainedTokenizerBase,
    layers: tuple[int, ...],
    frame: ChatFormat,
    counter: Counter,
    questions: Sequence[str],
) -> torch.Tensor:
    """What each of some questions asks behind the chat template, (n, 2·d)."""
    asked = [encode_question(tokenizer, [user(question)], frame.opening, frame.thinking) for question in questions]
    opening = read_opening(model, projection, frame.start, layers[-1])
    seen = capture(model, projection, layers, asked, opening=opening, report=counter.add)
    return torch.stack([question_state(each.states) for each in seen])


def _with_habit(
    model: PreTrainedModel, projection: Projection, tokenizer: PreTrainedTokenizerBase, frame: ChatFormat
) -> Thinking | None:
    """How thoughts are marked, and whether the model begins with one: not all do whose template has them."""
    if frame.thinking is None:
        return None
    some = shipped_questions()[::_HABIT]
    asked = [encode_question(tokenizer, [user(question.text)], frame.opening, None) for question in some]
    seen = capture(model, projection, 0, asked, predictions=True)
    begun = [each.prediction is not None and int(each.prediction.argmax()) == frame.thinking.empty[0] for each in seen]
    return replace(frame.thinking, own=2 * sum(begun) > len(begun))


def thinking_of(meta: object) -> Thinking | None:
    """What the statistics' JSON holds of thoughts.

    Raises:
        CorruptObject: it is none.
    """
    if meta is None:
        return None
    kept = meta if isinstance(meta, dict) else {}
    empty, end, own = kept.get("empty"), kept.get("end"), kept.get("own")
    whole = isinstance(empty, list) and all(type(token) is int for token in empty) and type(own) is bool
    if not isinstance(empty, list) or not whole or type(end) is not int or not 0 < end < len(empty):
        raise CorruptObject("the statistics' thought is none", hint="Run `wisedb fsck`.")
    return Thinking(tuple(empty), end, bool(own))
