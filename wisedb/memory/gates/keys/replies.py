"""Where a reply begins in a conversation, which message it answers, and how far a memory that answers goes on.

A route belongs to a reply: it is decided on the one user's message in front of it, whatever else was said in the
conversation, and it holds from the token at which the reply begins to the end of the sentence in which the fact is
said. Everything else is the base model's, to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from wisedb.memory.gates.keys.statistics import ChatStatistics
from wisedb.memory.gates.keys.token_flags import STOP


class Reply(NamedTuple):
    """The last reply of each row.

    Attributes:
        there: bool (B,): whether one has begun.
        message: bool (B, S): the user's message that it answers.
        begins: int64 (B,): the token at which it begins, the last one of the template; -1 without one.
    """

    there: torch.Tensor
    message: torch.Tensor
    begins: torch.Tensor


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
    header = torch.where(ends_of(ids, chat.header) & (places < behind[:, None]), places, -1).amax(dim=1)
    there = (begins >= 0) & (header >= 0)
    message = (places > header[:, None]) & (places < behind[:, None]) & there[:, None] & seen
    return Reply(there, message, torch.where(there, begins, -1))


def ends_of(ids: torch.Tensor, pattern: torch.Tensor) -> torch.Tensor:
    """bool (B, S): the tokens with which a stretch of ids, int (n,), ends."""
    found = torch.ones_like(ids, dtype=torch.bool)
    for back, token in enumerate(pattern.tolist()[::-1]):
        moved = torch.nn.functional.pad(ids, (back, 0), value=-1)[:, : ids.shape[1]]
        found &= moved == token
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Replies:
    """The replies that memories may answer, one a row, and what was said so far.

    Attributes:
        begins: int64 (B,), the token at which each begins; -1 for a row that is no conversation: it is answered
            everywhere.
        stops: int64 (B,): how many tokens that end a sentence the answer has.
        flags: uint8 (B, S), what the tokens so far show (:mod:`wisedb.memory.gates.keys.token_flags`).
    """

    begins: torch.Tensor
    stops: torch.Tensor
    flags: torch.Tensor

    def extended(self, past: int | torch.Tensor, flags: torch.Tensor) -> Replies:
        """With the tokens of one more call, uint8 (B, T), behind the first ``past``."""
        kept = self.flags[:, :past] if isinstance(past, int) else self.flags
        return replace(self, flags=torch.cat([kept, flags], dim=1))

    def answered(self, tokens: int) -> torch.Tensor:
        """Where a memory that was chosen answers, bool (B, tokens), for the last tokens."""
        places = torch.arange(self.flags.shape[1], device=self.flags.device)
        within = (places >= self.begins[:, None]) & (self.ended() < self.stops[:, None])
        return ((self.begins < 0)[:, None] | within)[:, -tokens:]

    def ended(self) -> torch.Tensor:
        """How many sentences of the reply have ended, int64 (B, S)."""
        places = torch.arange(self.flags.shape[1], device=self.flags.device)
        return (((self.flags & STOP) > 0) & (places > self.begins[:, None])).cumsum(dim=1)
