"""Sentences that are read by themselves: what each asks, and in which manner."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import torch

from wisedb.memory.gates.keys.chat_statistics import ChatStatistics
from wisedb.memory.gates.keys.manner import asks_for_text, asks_nothing
from wisedb.memory.gates.keys.pronouns import pronouns_of
from wisedb.memory.gates.keys.questions import AskedOf
from wisedb.memory.gates.keys.token_flags import STOP

Reader = Callable[[Sequence[Sequence[int]]], torch.Tensor]
"""Conversations of one message as token ids → what they ask, (n, 2·d)."""

# Sentences that are remembered: who decodes step by step, without generate, asks of the same ones at each step.
_REMEMBERED = 1024


class Sentences(NamedTuple):
    """What sentences ask.

    Attributes:
        relations: float32 (n, r), their relation keys, on the CPU.
        text: bool (n,): whether each asks for a text rather than for a fact; false where that isn't known.
        nothing: bool (n,): whether each asks for nothing; false where that isn't known.
    """

    relations: torch.Tensor
    text: torch.Tensor
    nothing: torch.Tensor


class SentenceReader:
    """Reads sentences by themselves; the base model says the same of each for ever, so that the last ones are kept.

    Args:
        chat: the statistics behind the base model's chat template.
        questions: of each edit its own question, counted over all memories' edits.
        read: reads a conversation.

    Attributes:
        questions: as they were given.
        pronouns: the words that stand for a subject.
    """

    def __init__(self, chat: ChatStatistics, questions: Mapping[int, AskedOf], read: Reader) -> None:
        self._chat, self._read = chat, read
        self.questions, self.pronouns = questions, pronouns_of(chat.pronouns)
        self._known: OrderedDict[tuple[int, ...], torch.Tensor] = OrderedDict()

    @property
    def ends(self) -> bool:
        """Whether a reply can be ended: it is known how the model does that, and who asks for more."""
        return self._chat.closing is not None

    def subject(self, edit: int | None) -> tuple[int, ...]:
        """The token ids of an edit's subject, none where that isn't known."""
        asked = None if edit is None else self.questions.get(edit)
        return () if asked is None else asked.subject

    def __call__(self, sentences: Sequence[Sequence[int]]) -> Sentences:
        """What sentences ask, as token ids; one at least."""
        asked = [tuple(sentence) for sentence in sentences]
        states: dict[tuple[int, ...], torch.Tensor] = {}
        for sentence in dict.fromkeys(asked):
            state = self._known.get(sentence)
            # One at a time: what a sentence asks must not depend on what it is read with.
            states[sentence] = self._read([self._chat.asked(sentence)])[0].cpu() if state is None else state
        found = torch.stack([states[sentence] for sentence in asked])
        # Another thread may ask at the same time: it keeps what it has read, whatever is forgotten here.
        self._known.update(states)
        while len(self._known) > _REMEMBERED:
            with suppress(KeyError):
                self._known.popitem(last=False)
        relations, closing = self._chat.relations(found), self._chat.closing
        if closing is None:
            unknown = torch.zeros(len(found), dtype=torch.bool)
            return Sentences(relations, unknown, unknown)
        return Sentences(relations, asks_for_text(closing.manner, found), asks_nothing(closing.manner, found))


def sentences_of(
    ids: Sequence[int], flags: Sequence[int], places: Sequence[int], leads: Collection[int] = ()
) -> list[list[int]]:
    """The sentences of a message, each the positions of its tokens.

    Args:
        ids: the row's token ids.
        flags: what each position shows (:mod:`wisedb.memory.gates.keys.token_flags`).
        places: the message's positions, in order.
        leads: tokens that end no sentence: what stands before a colon says what is to be done with what follows.
    """
    found: list[list[int]] = [[]]
    for place in places:
        found[-1].append(place)
        if flags[place] & STOP and ids[place] not in leads:
            found.append([])
    return [sentence for sentence in found if any(not flags[place] & STOP for place in sentence)]
