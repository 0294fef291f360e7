"""Where a reply begins in a conversation, which message it answers, and which edit says each of its sentences.

A route belongs to a reply: it is decided on the one user's message in front of it, whatever else was said in the
conversation. The edits that the message asks for are said first, one after the other, each to the end of its sentence;
what is said behind them, what is thought before them, and all that stands in front of the reply, is the base model's,
to the bit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import NamedTuple

import torch

from wisedb.memory.gates.keys.chat_statistics import ChatStatistics
from wisedb.model.chat import Thinking


class Reply(NamedTuple):
    """The last reply of each row.

    Attributes:
        there: bool (B,): whether one has begun.
        message: bool (B, S): the user's message that it answers.
        before: bool (B, S): the user's message before that one and its reply.
        begins: int64 (B,): the token at which it begins, its thought included, the last one of the template; -1
            without one.
    """

    there: torch.Tensor
    message: torch.Tensor
    before: torch.Tensor
    begins: torch.Tensor


class Meant(NamedTuple):
    """An edit that a message asks for.

    Attributes:
        edit: counted over all memories' edits.
        memory: the number of its memory.
        stops: how many tokens that end a sentence its answer has.
        heard: the token ids that were read as asking for it: a sentence of the message, with the subject in the place
            of a pronoun, or the whole message.
        ends: whether the reply ends with its answer: the last one of a message that asks for nothing else.
        text: whether ``heard`` asks for a text in which the fact is to come up.
    """

    edit: int
    memory: int
    stops: int
    heard: tuple[int, ...] = ()
    ends: bool = False
    text: bool = False


class Stretch(NamedTuple):
    """Tokens of a reply that one edit says.

    Attributes:
        row: whose reply.
        meant: the edit.
        later: whether something was said in front of them.
        said: their token ids, up to the last one that is looked at.
        places: behind how many tokens of the reply each one that is looked at comes; the last of them is the one that
            comes behind ``said``.
        after: whether it is the one place behind what all edits say, where the reply ends, or the text begins that was
            asked for.
    """

    row: int
    meant: Meant
    later: bool
    said: tuple[int, ...]
    places: range
    after: bool = False


def last_reply(ids: torch.Tensor, seen: torch.Tensor, chat: ChatStatistics) -> Reply:
    """The last reply among the tokens that may be seen.

    Args:
        ids: int64 (B, S).
        seen: bool (B, S).
        chat: what the template puts around a user's message.
    """
    places = torch.arange(ids.shape[1], device=ids.device)
    begins = torch.where(ends_of(ids, chat.opening) & seen, places, -1).amax(dim=1)
    behind = begins - len(chat.opening) + 1
    headers = ends_of(ids, chat.header) & seen
    header = torch.where(headers & (places < behind[:, None]), places, -1).amax(dim=1)
    earlier = torch.where(headers & (places < header[:, None]), places, -1).amax(dim=1)
    there = (begins >= 0) & (header >= 0)
    message = (places > header[:, None]) & (places < behind[:, None]) & there[:, None] & seen
    before = (places > earlier[:, None]) & (places <= header[:, None] - len(chat.header))
    before &= (there & (earlier >= 0))[:, None] & seen
    return Reply(there, message, before, torch.where(there, begins, -1))


def ends_of(ids: torch.Tensor, pattern: torch.Tensor) -> torch.Tensor:
    """bool (B, S): the tokens with which a stretch of ids, int (n,), ends."""
    found = torch.ones_like(ids, dtype=torch.bool)
    for back, token in enumerate(pattern.tolist()[::-1]):
        moved = torch.nn.functional.pad(ids, (back, 0), value=-1)[:, : ids.shape[1]]
        found &= moved == token
    return found


@dataclass(frozen=True, slots=True)
class Replies:
    """The replies that memories answer, on the host.

    Attributes:
        begins: of each row the token at which its reply begins; -1 for none.
        meant: of each row the edits that its message asks for, in the order in which they are said.
        thinking: how thoughts are marked: no edit says anything in one.
    """

    begins: tuple[int, ...]
    meant: tuple[tuple[Meant, ...], ...]
    thinking: Thinking | None = None

    @property
    def answers(self) -> bool:
        """Whether any memory answers."""
        return any(self.meant)

    def only(self, memories: Sequence[int]) -> Replies:
        """Without the edits of rows for which another memory than one of theirs is given."""
        pairs = zip(self.meant, memories, strict=True)
        kept = tuple(row if memory in {edit.memory for edit in row} else () for row, memory in pairs)
        return replace(self, meant=kept)

    def without(self, memories: Collection[int]) -> Replies:
        """Without the edits of some memories, by their numbers."""
        kept = tuple(tuple(edit for edit in row if edit.memory not in memories) for row in self.meant)
        return replace(self, meant=kept)

    def thinks(self, ids: Sequence[Sequence[int]]) -> bool:
        """Whether a reply that memories answer is still a thought.

        Args:
            ids: the token ids so far, row by row.
        """
        if self.thinking is None:
            return False
        rows = zip(self.begins, self.meant, ids, strict=True)
        return any(meant and self.thinking.over(row[begins + 1 :]) is None for begins, meant, row in rows)

    def stretches(self, ids: Sequence[Sequence[int]], tokens: int, ends: Collection[int]) -> list[Stretch]:
        """What each edit says among the last ``tokens`` tokens of each row, and the place behind all of it.

        Args:
            ids: the token ids so far, row by row, of one length.
            tokens: how many of the last ones are looked at.
            ends: the tokens that end a sentence.
        """
        found = []
        for row, (begins, meant) in enumerate(zip(self.begins, self.meant, strict=True)):
            if not meant:
                continue
            reply = tuple(ids[row][begins + 1 :])
            first = len(ids[row]) - tokens - begins
            for number, (edit, all_) in enumerate(said_by(meant, reply, ends, self.thinking)):
                if places := range(max(first, all_.start), all_.stop):
                    said = reply[all_.start : all_.stop - 1]
                    found.append(Stretch(row, edit, number > 0, said, places))
            place = behind_all(meant, reply, ends, self.thinking) if meant[-1].ends or meant[-1].text else None
            if place is not None and place >= first:
                found.append(Stretch(row, meant[-1], True, reply[:place], range(place, place + 1), after=True))
        return found


def said_by(
    meant: Sequence[Meant], reply: Sequence[int], ends: Collection[int], thinking: Thinking | None = None
) -> list[tuple[Meant, range]]:
    """Which tokens of a reply each edit says: behind how many tokens of the reply they come.

    Args:
        meant: the edits, in the order in which they are said.
        reply: the reply's token ids so far; the one that comes next counts too.
        ends: the tokens that end a sentence.
        thinking: how thoughts are marked; what is thought is said by none.
    """
    thought = 0 if thinking is None else thinking.over(reply)
    if thought is None:
        return []
    ended = list(accumulate((token in ends for token in reply[thought:]), initial=0))
    found, first = [], 0
    for edit in meant:
        last = first + edit.stops
        places = [place for place, count in enumerate(ended) if first <= count < last]
        if places:
            found.append((edit, range(thought + places[0], thought + places[-1] + 1)))
        first = last
    return found


def behind_all(
    meant: Sequence[Meant], reply: Sequence[int], ends: Collection[int], thinking: Thinking | None = None
) -> int | None:
    """Behind how many tokens of a reply all edits have said what they say; None where that isn't there yet.

    Args:
        meant, reply, ends, thinking: as in :func:`said_by`.
    """
    thought = 0 if thinking is None else thinking.over(reply)
    if thought is None or not meant:
        return None
    stops = sum(edit.stops for edit in meant)
    places = [place for place in range(thought, len(reply)) if reply[place] in ends][stops - 1 : stops]
    return places[0] + 1 if places else None
