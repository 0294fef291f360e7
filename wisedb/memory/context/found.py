"""What prompts ask for, found before the model is called, and how a call of it gets to know that."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wisedb.memory.forward_call import ForwardCall
from wisedb.memory.gates.decision import Decision
from wisedb.memory.gates.keys.replies import Meant, Replies
from wisedb.memory.slots import BASE, SlotTable
from wisedb.model.chat import Thinking


@dataclass(frozen=True, slots=True)
class AskedRow:
    """What one prompt asks for.

    Attributes:
        facts: the edits whose facts go into the context, counted over all memories' edits.
        chat: whether it is a conversation in front of a reply.
        begins: the token at which that reply begins, counted over the row's real tokens; -1 without one.
        scores: of each memory the log odds that one of its edits is meant, float32 (n,) on the CPU.
        best: the edit that is meant most, counted over all memories' edits, whether or not it is meant enough.
        meant: in a conversation, the edits that are meant enough, whoever says them.
        told: the number of the memory that the first of the facts is of, :data:`BASE` without one.
    """

    facts: tuple[int, ...]
    chat: bool
    begins: int
    scores: Tensor
    best: int
    meant: tuple[Meant, ...] = ()
    told: int = BASE


@dataclass(frozen=True, slots=True)
class Found:
    """The same for the rows of a batch.

    Attributes:
        rows: one a row.
        ids: int64 (B, T), the tokens as they were given.
        places: of each row where its real tokens stand in ``ids``.
        threshold: the score from which on a memory is meant.
        slot_table: how slots are counted.
        thinking: how thoughts are marked.
    """

    rows: tuple[AskedRow, ...]
    ids: Tensor
    places: tuple[tuple[int, ...], ...]
    threshold: float
    slot_table: SlotTable
    thinking: Thinking | None = None

    def routes(self, routes: Tensor) -> Tensor:
        """Who is said to have answered, int64 (B,): where no memory does, the one whose fact is told."""
        told = torch.tensor([row.told for row in self.rows], device=routes.device)
        return torch.where(routes == BASE, told, routes)

    def tell(self, call: ForwardCall, device: torch.device) -> None:
        """Let a forward call have the keys' decision.

        What stands in front of a prompt changes its states, by which keys are compared.

        Args:
            call: the call; its rows may be a multiple of those that were found, as beams are.
            device: where the slots are wanted.
        """
        times = call.rows // len(self.rows)
        rows = [number for number in range(len(self.rows)) for _ in range(times)]
        scores = torch.stack([self.rows[number].scores for number in rows])
        top, memory = scores.max(dim=-1)
        slots = self.slot_table.slots(torch.where(top >= self.threshold, memory, BASE)).to(device)
        best = torch.tensor([self.rows[number].best for number in rows], device=device)
        size = (call.rows, call.tokens)
        call.key_decision = Decision(
            slots[:, None].expand(size), scores.to(device)[:, None].expand(*size, -1), best[:, None].expand(size)
        )
        if any(row.chat for row in self.rows):
            begins = tuple(
                self.places[number][self.rows[number].begins] if self.rows[number].begins >= 0 else -1
                for number in rows
            )
            call.replies = Replies(begins, tuple(self.rows[number].meant for number in rows), self.thinking)
            call.whole = self.ids.repeat_interleave(times, dim=0)
