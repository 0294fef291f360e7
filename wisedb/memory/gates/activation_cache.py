"""How strongly a few of many memories are excited, by a sequence that may go on from a cache.

Where the keys have named a memory, only its activation is asked for. So A(x) itself is kept with the cache (d_ff
numbers a token, a few per cent of what a large model's cache keeps in all its layers), and a memory is multiplied with
it when it is first named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from wisedb.errors import UsageError
from wisedb.memory.bank import Bank
from wisedb.memory.gates.activation import token_squares


def _attribute(bank: Bank) -> str:
    return "_wisedb_hidden_trail_" + bank.module.replace(".", "_")


class Stretch:
    """Some positions of all rows of a call.

    Args:
        hidden: A(x), (B, T, d_ff).
        seen: bool (B, T): the tokens that count.
    """

    def __init__(self, hidden: torch.Tensor, seen: torch.Tensor) -> None:
        self.hidden = hidden
        self.seen = seen
        self.counts = seen.float().cumsum(dim=1)
        self._sums: dict[int, torch.Tensor] = {}

    def sums(self, memory: int, bank: Bank) -> torch.Tensor:
        """float32 (B, T): the squared norms of one memory's products, added up along the stretch."""
        if memory not in self._sums:
            squares = token_squares(bank.product(memory, self.hidden))
            self._sums[memory] = torch.where(self.seen, squares, 0.0).cumsum(dim=1)
        return self._sums[memory]


class HiddenTrail:
    """All positions that plain calls put into one cache.

    Args:
        bank: the memories that were measured.
        parts: (first position, stretch), in order. A cache whose length only the device knows has no first position.
    """

    def __init__(self, bank: Bank, parts: tuple[tuple[int | None, Stretch], ...] = ()) -> None:
        self.bank = bank
        self.parts = parts
        self.attribute = _attribute(bank)

    def __deepcopy__(self, memo: dict[int, Any]) -> HiddenTrail:
        return HiddenTrail(self.bank, self.parts)

    def counts(self, past: int | torch.Tensor, rows: int) -> torch.Tensor | None:
        """float32 (B,): how many of the first ``past`` tokens count; None if nothing was seen."""
        return self._total(past, rows, lambda stretch: stretch.counts)

    def sums(self, memory: int, past: int | torch.Tensor, rows: int) -> torch.Tensor | None:
        """float32 (B,): what one memory's squared norms add up to over the first ``past`` positions.

        Raises:
            UsageError: the cache's rows were rearranged so that they no longer are the rows that were seen.
        """
        return self._total(past, rows, lambda stretch: stretch.sums(memory, self.bank))

    def extended(self, past: int | torch.Tensor, now: Stretch, room: int | None = None) -> HiddenTrail:
        """With the positions from ``past`` on; ``room`` is how many a cache of fixed size can hold."""
        if isinstance(past, int):
            kept = tuple(part for part in self.parts if part[0] is None or part[0] < past)
            return HiddenTrail(self.bank, (*kept, (past, now)))
        # A length of 0 says that a static cache was emptied.
        earlier = [(start, Stretch(part.hidden, part.seen & (past > 0))) for start, part in self.parts]
        parts, size = [(None, now)], now.seen.shape[1]
        for start, part in reversed(earlier):
            size += part.seen.shape[1]
            if room is not None and size > room:
                break
            parts.insert(0, (start, part))  # type: ignore[arg-type]
        return HiddenTrail(self.bank, tuple(parts))

    def _total(
        self, past: int | torch.Tensor, rows: int, along: Callable[[Stretch], torch.Tensor]
    ) -> torch.Tensor | None:
        total: torch.Tensor | None = None
        for start, part in self.parts:
            if isinstance(past, int):
                size = part.seen.shape[1] if start is None else min(past - start, part.seen.shape[1])
                if size <= 0 or past == 0:
                    continue
                found = along(part)[:, size - 1]
            else:
                found = along(part)[:, -1] * (past > 0)
            total = found if total is None else total + found
        if total is None:
            return None
        times, rest = divmod(rows, total.shape[0])
        if rest or not times:
            raise UsageError(
                f"the cache was filled by {total.shape[0]} rows and is used by {rows}",
                hint="Repeat a cache's rows with batch_repeat_interleave, or compute the cache anew.",
            )
        return total.repeat_interleave(times)


def hidden_trail_of(cache: Any, bank: Bank) -> HiddenTrail:
    """The trail that the cache carries, or an empty one if it carries none of these memories."""
    trail = getattr(cache, _attribute(bank), None)
    return trail if isinstance(trail, HiddenTrail) and trail.bank is bank else HiddenTrail(bank)
