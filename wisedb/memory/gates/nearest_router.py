"""The nearest router: the codebook's key that is nearest to what enters the module, within its radius (GRACE §3).

The source looks again at every token. Here the decision is taken at the prompt's last token and held while its answer
is said; where no prompt boundary is known, a key that answered still does for some tokens, so that a plain forward over
prompt and answer gives the answer the likelihood that ``generate`` gives it.
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
from wisedb.memory.kinds.codebook import PlacedCodebook
from wisedb.memory.slots import BASE


class NearestKeys(NamedTuple):
    """What was found at some positions.

    Attributes:
        slots: int64 (B, T), the slot whose key is nearest of those that are near enough.
        scores: float32 (B, T, n), of each codebook the radius of the nearest key less its distance.
        seen: bool (B, T): the positions that a decision may see.
    """

    slots: Tensor
    scores: Tensor
    seen: Tensor


class NearestRouter:
    """Decides among the codebooks at one module.

    Args:
        bank: the memories at the module.
        numbers: the codebooks among them.
    """

    def __init__(self, bank: Bank, numbers: Sequence[int]) -> None:
        self.bank = bank
        self.numbers = tuple(numbers)
        self._attribute = state_attribute("nearest", bank.module)

    def decide(self, call: ForwardCall, inputs: Tensor, scoping: Scoping, told: Tensor | None = None) -> Decision:
        """Decide for one forward call; what was found is left to be kept, and where it counts from.

        Args:
            call: the call.
            inputs: what entered the module, (B, T, d_in).
            scoping: which tokens may be seen.
            told: int64 (B,), slots: the codebook that is to answer whatever the distance, anything else to choose.

        Returns:
            Routes as slots; scores (B, T, n) for :attr:`numbers`, the radius less the distance of the nearest key.
        """
        state = state_of(call.cache, self, self._attribute)
        before: list[NearestKeys] = state.before(call.past, call.rows)
        scope = scoping(seen_earlier([part.seen for part in before]))
        now = NearestKeys(*self._nearest(inputs, told), scope.seen)
        call.cache_states.append(state.extended(call.past, now, call.max_positions))
        slots, scores, seen = joined([*before, now])
        earlier = slots.shape[1] - call.tokens
        positions = torch.arange(slots.shape[1], device=slots.device)
        latest = torch.where(seen, positions, -1).cummax(dim=1).values
        latest = torch.where(scope.held[:, None], latest[:, -1:], latest)
        # Tokens are counted, not positions: padding doesn't make one forget.
        count = seen.cumsum(dim=1)
        fired = torch.where(seen & (slots != BASE), positions, -1).cummax(dim=1).values
        recent = (fired >= 0) & (count - count.gather(1, fired.clamp(min=0)) < LOOK_BACK)
        fired = torch.where(scope.held[:, None], latest, torch.where(recent, fired, -1))
        slots = torch.where(fired >= 0, slots.gather(1, fired.clamp(min=0)), BASE)
        call.prompt_end = torch.where(scope.held, latest[:, -1] - earlier, -1)
        scores = scores.gather(1, latest.clamp(min=0)[..., None].expand_as(scores))
        return Decision(slots[:, earlier:], scores[:, earlier:])

    def _nearest(self, inputs: Tensor, told: Tensor | None) -> tuple[Tensor, Tensor]:
        # The slots and the scores.
        self.bank.place(inputs.device, inputs.dtype)
        slots = torch.full(inputs.shape[:2], BASE, dtype=torch.int64, device=inputs.device)
        nearest = torch.full(inputs.shape[:2], torch.inf, device=inputs.device)
        scores = []
        if told is not None:
            chosen = self.bank.slot_table.memories(told)
            by_distance = torch.isin(chosen, torch.tensor(self.numbers, device=told.device))
        for number in self.numbers:
            placed = self.bank.placed(number)
            assert isinstance(placed, PlacedCodebook)
            if not len(placed.keys):
                scores.append(torch.full(inputs.shape[:2], -torch.inf, device=inputs.device))
                continue
            # Not by a matrix product, which loses what tells near keys apart.
            mode = "donot_use_mm_for_euclid_dist"
            distance, entry = torch.cdist(inputs.float(), placed.keys, compute_mode=mode).min(dim=-1)
            score = placed.radii[entry] - distance
            near = score >= 0
            if told is not None:
                near = torch.where(chosen[:, None] == number, True, near & ~by_distance[:, None])
            better = near & (distance < nearest)
            slots = torch.where(better, self.bank.slot_table.first[number] + entry, slots)
            nearest = torch.where(better, distance, nearest)
            scores.append(score)
        return slots, torch.stack(scores, dim=-1)
