"""The nearest router: the codebook's key that is nearest to what enters the module, within its radius (GRACE §3).

The source looks again at every token. Here the decision is taken at the prompt's last token and held while its answer
is said; where no prompt boundary is known, a key that answered still does for some tokens, so that a plain forward over
prompt and answer gives the answer the likelihood that ``generate`` gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from wisedb.errors import UsageError
from wisedb.memory.bank import Bank
from wisedb.memory.forward_call import Call
from wisedb.memory.gates.decision import Decision, Scoping
from wisedb.memory.gates.key_router import LINGERS
from wisedb.memory.kinds.codebook import PlacedCodebook
from wisedb.memory.slots import BASE


class NearestRouter:
    """Decides among the codebooks at one module.

    Args:
        bank: the memories at the module.
        numbers: the codebooks among them.
    """

    def __init__(self, bank: Bank, numbers: Sequence[int]) -> None:
        self.bank = bank
        self.numbers = tuple(numbers)

    def decide(self, call: Call, inputs: Tensor, scoping: Scoping, told: Tensor | None = None) -> Decision:
        """Decide for one forward call; what was decided is put among the call's trails, and where it counts from.

        Args:
            call: the call.
            inputs: what entered the module, (B, T, d_in).
            scoping: which tokens may be seen.
            told: int64 (B,), slots: the codebook that is to answer whatever the distance, anything else to choose.

        Returns:
            Routes as slots; scores (B, T, n) for :attr:`numbers`, the radius less the distance of the nearest key.
        """
        trail = _trail_of(call.cache, self.bank)
        before = trail.before(call.past, call.rows)
        scope = scoping(None if before is None else (before != _UNSEEN).any(dim=1))
        own, scores = self._nearest(inputs, told)
        own = torch.where(scope.seen, own, _UNSEEN)
        call.trails.append(trail.extended(call.past, own))
        whole = own if before is None else torch.cat([before, own], dim=1)
        earlier = whole.shape[1] - call.tokens
        positions = torch.arange(whole.shape[1], device=whole.device)
        seen = whole != _UNSEEN
        latest = torch.where(seen, positions, -1).cummax(dim=1).values
        latest = torch.where(scope.held[:, None], latest[:, -1:], latest)
        # Tokens are counted, not positions: padding doesn't make one forget.
        count = seen.cumsum(dim=1)
        fired = torch.where(seen & (whole != BASE), positions, -1).cummax(dim=1).values
        recent = (fired >= 0) & (count - count.gather(1, fired.clamp(min=0)) < LINGERS)
        fired = torch.where(scope.held[:, None], latest, torch.where(recent, fired, -1))
        routes = torch.where(fired >= 0, whole.gather(1, fired.clamp(min=0)), BASE)[:, earlier:]
        call.since = torch.where(scope.held, latest[:, -1] - earlier, -1)
        at = (latest[:, earlier:] - earlier).clamp(min=0)
        return Decision(routes, scores.gather(1, at[..., None].expand_as(scores)))

    def _nearest(self, inputs: Tensor, told: Tensor | None) -> tuple[Tensor, Tensor]:
        # int64 (B, T), the slot whose key is nearest of those that are near enough; float32 (B, T, n).
        self.bank.place(inputs.device, inputs.dtype)
        routes = torch.full(inputs.shape[:2], BASE, dtype=torch.int64, device=inputs.device)
        nearest = torch.full(inputs.shape[:2], torch.inf, device=inputs.device)
        scores = []
        if told is not None:
            chosen = self.bank.slots.numbers(told)
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
            routes = torch.where(better, self.bank.slots.first[number] + entry, routes)
            nearest = torch.where(better, distance, nearest)
            scores.append(score)
        return routes, torch.stack(scores, dim=-1)


_UNSEEN = -2


class DecidedPositions:
    """The slot that was decided at every position that plain calls put into one cache.

    Args:
        bank: whose slots they are.
        parts: (first position, slots (B, T)), in order; a cache whose length only the device knows has no first
            position.
    """

    def __init__(self, bank: Bank, parts: tuple[tuple[int | None, Tensor], ...] = ()) -> None:
        self.bank = bank
        self.parts = parts
        self.attribute = "_wisedb_decided_" + bank.module.replace(".", "_")

    def __deepcopy__(self, memo: dict[int, Any]) -> DecidedPositions:
        # The tensors are never written to.
        return DecidedPositions(self.bank, self.parts)

    def before(self, past: int | Tensor, rows: int) -> Tensor | None:
        """Those of the first ``past`` positions, (B, past), or None if nothing was seen.

        Raises:
            UsageError: the cache's rows were rearranged so that they no longer are the rows that were seen.
        """
        found: list[Tensor] = []
        for start, part in self.parts:
            if isinstance(past, Tensor):
                # A length of 0 says that a static cache was emptied.
                found.append(torch.where(past > 0, part, _UNSEEN))
            else:
                found.append(part if start is None else part[:, : max(0, past - start)])
        whole = torch.cat(found, dim=1) if found else None
        if whole is None or whole.shape[1] == 0:
            return None
        times, rest = divmod(rows, whole.shape[0])
        if rest or not times:
            raise UsageError(
                f"the cache was filled by {whole.shape[0]} rows and is used by {rows}",
                hint="Repeat a cache's rows with batch_repeat_interleave, or compute the cache anew.",
            )
        return whole.repeat_interleave(times, dim=0)

    def extended(self, past: int | Tensor, now: Tensor) -> DecidedPositions:
        """With the positions from ``past`` on."""
        if isinstance(past, Tensor):
            return DecidedPositions(self.bank, (*self.parts, (None, now)))
        kept = tuple(part for part in self.parts if part[0] is None or part[0] < past)
        return DecidedPositions(self.bank, (*kept, (past, now)))


def _trail_of(cache: Any, bank: Bank) -> DecidedPositions:
    fresh = DecidedPositions(bank)
    found = getattr(cache, fresh.attribute, None)
    return found if isinstance(found, DecidedPositions) and found.bank is bank else fresh
