"""From activations to routes: which memory answers, for each sequence (WISE §2.3.1 and §2.3.2).

WISE-Retrieve lets the memory with the largest Δ_act above its own threshold ε answer, and the base weight where none
is above. WISE-Merge is the same with one memory. Everything here is a pure function of tensors, on their device,
without a look at their values from the host.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from wisedb.errors import UsageError
from wisedb.memory.bank import Bank
from wisedb.memory.gates.activation import Tally, level, tally, token_squares

BASE = -1
"""The route to the base weight."""


class Scope(NamedTuple):
    """Which tokens the decision may see.

    Attributes:
        seen: bool (B, T): the tokens that count.
        held: bool (B,): rows whose prompt is known: one decision, taken over all that is seen, for the whole row. In
            the others each position decides over the tokens up to it.
        single: whether all rows are held, known without a look at the device.
    """

    seen: torch.Tensor
    held: torch.Tensor
    single: bool = False


class Routed(NamedTuple):
    """What was decided, at every position.

    Attributes:
        routes: int64 (B, T): the number of the memory, or :data:`BASE`.
        activations: float32 (B, T, n): Δ_act of every memory, as the decision saw it.
        added: (B, T, d_model): A(x)·ΔW of the memory that answers; whatever elsewhere.
        seen: sums (B, T, n) and counts (B, T), to go on from.
    """

    routes: torch.Tensor
    activations: torch.Tensor
    added: torch.Tensor
    seen: Tally


def choose(activations: torch.Tensor, thresholds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The memory with the largest activation among those that reach their threshold.

    Args:
        activations: float32 (..., n).
        thresholds: float32 (n,).

    Returns:
        its activation (...), −∞ where no memory reaches its threshold, and its number (...).
    """
    reached = activations.masked_fill(activations < thresholds, -torch.inf)
    best, number = reached.max(dim=-1)
    return best, number


def decide(hidden: torch.Tensor, bank: Bank, scope: Scope, before: Tally | None = None) -> Routed:
    """Measure every memory and choose, in one pass that keeps only the best product so far.

    Args:
        hidden: A(x), (B, T, d_ff).
        bank: one memory at least.
        scope: the tokens that the decision may see.
        before: what was seen of the rows before the first token here: sums (B, n), counts (B,).
    """
    rows, tokens, _ = hidden.shape
    best = torch.full((rows, tokens), -torch.inf, device=hidden.device)
    routes = torch.full((rows, tokens), BASE, dtype=torch.int64, device=hidden.device)
    added = hidden.new_zeros(())
    activations, sums = [], []
    counts = torch.empty(0)
    for number, product, threshold in bank.products(hidden):
        part = None if before is None else Tally(before.sums[:, number : number + 1], before.counts)
        running = tally(token_squares(product)[..., None], scope.seen, part)
        levels = level(running)
        levels = torch.where(scope.held[:, None, None], levels[:, -1:], levels)
        top, _ = choose(levels, threshold[None])
        better = top > best
        added = torch.where(better[..., None], product, added)
        routes = torch.where(better, number, routes)
        best = torch.maximum(top, best)
        activations.append(levels)
        sums.append(running.sums)
        counts = running.counts
    return Routed(routes, torch.cat(activations, dim=-1), added, Tally(torch.cat(sums, dim=-1), counts))


def combine(output: torch.Tensor, routes: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
    """The projection's output with the memory's part where a memory answers, untouched to the bit elsewhere."""
    answers = (routes != BASE)[..., None]
    return torch.where(answers, output + added.to(output.dtype), output)


def answer(output: torch.Tensor, hidden: torch.Tensor, routes: torch.Tensor, bank: Bank, *, look: bool) -> torch.Tensor:
    """The projection's output with the part of the memory that answers, untouched to the bit elsewhere.

    Args:
        output: (B, T, d_model).
        hidden: A(x), (B, T, d_ff).
        routes: int64 (B, T).
        bank: the memories.
        look: whether the host may look at the routes, so that only what answers is multiplied; otherwise every memory
            is, and the device picks.
    """
    if look:
        for memory in torch.unique(routes).tolist():
            if memory != BASE:
                here = (routes == memory)[..., None]
                output = torch.where(here, output + bank.multiply(hidden, memory).to(output.dtype), output)
        return output
    for number, product, _ in bank.products(hidden):
        here = (routes == number)[..., None]
        output = torch.where(here, output + product.to(output.dtype), output)
    return output


class Selection:
    """Routes that are known on the host: only the memories that answer are multiplied, each for its own rows.

    Args:
        routes: one a sequence, :data:`BASE` or the number of a memory.
    """

    def __init__(self, routes: list[int]) -> None:
        self.routes = routes
        self._idle: bool | None = None
        self._rows: dict[int, torch.Tensor] = {}
        self._placed: tuple[int, torch.device] | None = None
        # Held as long as the route is, so that a matrix is made once for all steps.
        self._matrices: dict[int, torch.Tensor] = {}

    @property
    def idle(self) -> bool:
        """Whether no memory answers."""
        # Not before it is asked for: while a compiler traces the first forward the numbers aren't known yet.
        if self._idle is None:
            self._idle = all(route == BASE for route in self.routes)
        return self._idle

    def apply(self, output: torch.Tensor, hidden: torch.Tensor, bank: Bank) -> torch.Tensor:
        """The projection's output (B, T, d_model) with each row's memory added; hidden is A(x), (B, T, d_ff).

        B may be a multiple of the routes: each sequence then stands for as many rows, one after the other, as beams
        and returned sequences do.
        """
        self._place(output.shape[0], output.device)
        for memory, rows in self._rows.items():
            if not bank.complete and memory not in self._matrices:
                bank.place(hidden.device, hidden.dtype)
                self._matrices[memory] = bank.matrix(memory)
            if len(rows) == output.shape[0]:
                return output + bank.multiply(hidden, memory).to(output.dtype)
            output = output.index_add(0, rows, bank.multiply(hidden[rows], memory).to(output.dtype))
        return output

    def expanded(self, rows: int) -> list[int]:
        """The route of each of ``rows`` rows.

        Raises:
            UsageError: the rows are no multiple of the routes.
        """
        times, rest = divmod(rows, max(1, len(self.routes)))
        if rest or not self.routes:
            raise UsageError(
                f"{len(self.routes)} routes were given for a batch of {rows} rows", hint="Give one route a sequence."
            )
        return [route for route in self.routes for _ in range(times)]

    def _place(self, rows: int, device: torch.device) -> None:
        if self._placed == (rows, device):
            return
        routes = self.expanded(rows)
        self._rows = {
            memory: torch.tensor([row for row, route in enumerate(routes) if route == memory], device=device)
            for memory in sorted(set(routes) - {BASE})
        }
        self._placed = (rows, device)
