"""What was seen of the sequences in a key-value cache, so that going on from it is the same as starting over.

It lives on the cache object itself: it is freed with it, and a copy of the cache (the usual way to reuse a prompt) has
its copy.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch

from wisedb.errors import UsageError
from wisedb.memory.bank import Bank
from wisedb.memory.gates.activation import Tally


class Leaves(Protocol):
    """What a cache can carry."""

    @property
    def attribute(self) -> str:
        """Its own place on the cache."""


def _attribute(bank: Bank) -> str:
    return "_wisedb_trail_" + bank.module.replace(".", "_")


class Trail:
    """Running sums and counts at every position that plain calls put into one cache.

    Args:
        bank: the memories that were measured; sums of others mean nothing.
        parts: (first position, sums (B, T, n), counts (B, T)), in order.
    """

    def __init__(self, bank: Bank, parts: tuple[tuple[int | None, Tally], ...] = ()) -> None:
        self.bank = bank
        self.parts = parts
        self.attribute = _attribute(bank)

    def __deepcopy__(self, memo: dict[int, Any]) -> Trail:
        # The tensors are never written to, and the bank says whose they are: both are shared.
        return Trail(self.bank, self.parts)

    def before(self, past: int | torch.Tensor, rows: int) -> Tally | None:
        """What was seen of the first ``past`` positions: sums (B, n), counts (B,); None if nothing was.

        Raises:
            UsageError: the cache's rows were rearranged so that they no longer are the rows that were seen.
        """
        if isinstance(past, int):
            parts = [(start, part) for start, part in self.parts if start is None or start < past]
            if not parts or past == 0:
                return None
            start, part = parts[-1]
            last = part.counts.shape[1] if start is None else min(past - start, part.counts.shape[1])
            found = Tally(part.sums[:, last - 1], part.counts[:, last - 1])
        else:
            if not self.parts:
                return None
            part = self.parts[-1][1]
            # A static cache knows its length on the device only; a length of 0 says that it was emptied.
            filled = (past > 0).to(part.counts)
            found = Tally(part.sums[:, -1] * filled, part.counts[:, -1] * filled)
        times, rest = divmod(rows, found.counts.shape[0])
        if rest or not times:
            raise UsageError(
                f"the cache was filled by {found.counts.shape[0]} rows and is used by {rows}",
                hint="Repeat a cache's rows with batch_repeat_interleave, or compute the cache anew.",
            )
        if times == 1:
            return found
        return Tally(found.sums.repeat_interleave(times, dim=0), found.counts.repeat_interleave(times, dim=0))

    def extended(self, past: int | torch.Tensor, seen: Tally) -> Trail:
        """With the positions from ``past`` on as they were just seen."""
        start = past if isinstance(past, int) else None
        kept = () if start is None else tuple(part for part in self.parts if part[0] is None or part[0] < start)
        return Trail(self.bank, (*kept, (start, Tally(seen.sums.detach(), seen.counts))))


def trail_of(cache: Any, bank: Bank) -> Trail:
    """The trail that the cache carries, or an empty one if it carries none of these memories."""
    trail = getattr(cache, _attribute(bank), None)
    return trail if isinstance(trail, Trail) and trail.bank is bank else Trail(bank)


def leave(cache: Any, trail: Leaves) -> None:
    """Let the cache carry the trail; each router has a place of its own there."""
    setattr(cache, trail.attribute, trail)


def length_of(cache: Any) -> int | torch.Tensor:
    """How many positions the cache holds; a tensor () where only the device knows, 0 where there is no cache."""
    if cache is None or not hasattr(cache, "get_seq_length"):
        return 0
    length: int | torch.Tensor = cache.get_seq_length()
    # A static cache counts in place: without a copy the answer would grow while the call runs.
    return length.clone() if isinstance(length, torch.Tensor) else length


def cache_in(output: Any) -> Any:
    """The cache that a forward call returned, or None."""
    if isinstance(output, tuple):
        return next((item for item in output if hasattr(item, "get_seq_length")), None)
    return getattr(output, "past_key_values", None)
