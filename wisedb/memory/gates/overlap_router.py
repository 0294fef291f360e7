"""The overlap router: the edit whose mask a prompt's own overlaps most, if by a share large enough (MEMOIR).

The mask of a prompt is that of the mean of what enters the module over its tokens (:func:`tophash`). The decision is
taken on the whole prompt and held while its answer is said; where no prompt boundary is known, an edit that answered
still does for some tokens, so that a plain forward over prompt and answer gives the answer the likelihood that
``generate`` gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wisedb.memory.bank import Bank
from wisedb.memory.cache_state import joined, state_attribute, state_of
from wisedb.memory.forward_call import ForwardCall
from wisedb.memory.gates.decision import Decision, Scoping, seen_earlier
from wisedb.memory.gates.key_router import LOOK_BACK
from wisedb.memory.kinds.residual_memory import PlacedResidual
from wisedb.memory.slots import BASE


class SeenInputs(NamedTuple):
    """What entered the module at some positions.

    Attributes:
        inputs: (B, T, d_in).
        seen: bool (B, T): the positions that a decision may see.
    """

    inputs: Tensor
    seen: Tensor


class OverlapRouter:
    """Decides among the residual memories at one module.

    Args:
        bank: the memories at the module.
        numbers: the residual memories among them.
    """

    def __init__(self, bank: Bank, numbers: Sequence[int]) -> None:
        self.bank = bank
        self.numbers = tuple(numbers)
        self._attribute = state_attribute("overlap", bank.module)

    def decide(self, call: ForwardCall, inputs: Tensor, scoping: Scoping) -> Decision:
        """Decide for one forward call; what was seen is left to be kept.

        Args:
            call: the call.
            inputs: what entered the module, (B, T, d_in).
            scoping: which tokens may be seen.

        Returns:
            Routes as slots; scores (B, T, n) for :attr:`numbers`, the largest overlap with one of their masks.
        """
        state = state_of(call.cache, self, self._attribute)
        before: list[SeenInputs] = state.before(call.past, call.rows)
        scope = scoping(seen_earlier([part.seen for part in before]))
        now = SeenInputs(inputs, scope.seen)
        call.cache_states.append(state.extended(call.past, now, call.max_positions))
        self.bank.place(inputs.device, inputs.dtype)
        whole, seen = joined([*before, now])
        count = seen.cumsum(dim=1)
        mean = (whole.float() * seen[..., None]).cumsum(dim=1) / count.clamp(min=1)[..., None]
        size = (call.rows, call.tokens)
        if scope.single:
            slots, scores = self._overlapping(mean[:, -1:], count[:, -1:] > 0)
            return Decision(slots.expand(size), scores.expand(*size, -1))
        slots, scores = self._overlapping(mean, count > 0)
        positions = torch.arange(slots.shape[1], device=slots.device)
        fired = torch.where(seen & (slots != BASE), positions, -1).cummax(dim=1).values
        # Tokens are counted, not positions: padding doesn't make one forget.
        recent = (fired >= 0) & (count - count.gather(1, fired.clamp(min=0)) < LOOK_BACK)
        chosen = torch.where(recent, fired, -1)
        answering = torch.where(chosen >= 0, slots.gather(1, chosen.clamp(min=0)), BASE)
        # Of a known prompt the mean over all of it decides, which stands at every position behind it.
        answering = torch.where(scope.held[:, None], slots[:, -1:], answering)
        scores = torch.where(scope.held[:, None, None], scores[:, -1:], scores)
        return Decision(answering[:, -call.tokens :], scores[:, -call.tokens :])

    def _overlapping(self, features: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        # The slots and the scores of mean features (B, Q, d_in), where there are any, bool (B, Q).
        slots = torch.full(there.shape, BASE, dtype=torch.int64, device=features.device)
        highest = torch.full(there.shape, -torch.inf, device=features.device)
        scores = []
        for number in self.numbers:
            placed = self.bank.placed(number)
            assert isinstance(placed, PlacedResidual)
            if not len(placed.masks):
                scores.append(torch.full(there.shape, -torch.inf, device=features.device))
                continue
            overlap, entry = placed.overlaps(features).max(dim=-1)
            scores.append(overlap.masked_fill(~there, -torch.inf))
            better = there & (overlap >= self.bank.thresholds[number]) & (overlap > highest)
            slots = torch.where(better, self.bank.slot_table.first[number] + entry, slots)
            highest = torch.where(better, overlap, highest)
        return slots, torch.stack(scores, dim=-1)
