"""The activation router, WISE-Retrieve (WISE §2.3.1 and §2.3.2): the memory with the largest Δ_act above its own ε."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wisedb.memory.bank import Bank
from wisedb.memory.cache_state import state_attribute, state_of
from wisedb.memory.forward_call import ForwardCall
from wisedb.memory.gates.activation import RunningSquares, rms, running_squares, token_squares
from wisedb.memory.gates.decision import Decision, Scoping
from wisedb.memory.routing import Scope
from wisedb.memory.slots import BASE


class ActivationRouter:
    """Decides among memories at one module.

    Args:
        bank: the memories at the module.
        name: tells what it keeps with a cache from what others keep there.
    """

    def __init__(self, bank: Bank, name: str = "activation") -> None:
        self.bank = bank
        self._attribute = state_attribute(name, bank.module)

    def decide(self, call: ForwardCall, inputs: Tensor, scoping: Scoping, numbers: Sequence[int]) -> Decision:
        """Decide for one forward call; what was seen is left to be kept.

        Args:
            call: the call.
            inputs: A(x), (B, T, d_in).
            scoping: which tokens may be seen.
            numbers: the memories that are to be measured, one at least; at one module always the same.

        Returns:
            Routes as slots; scores (B, T, n) for ``numbers``, Δ_act.
        """
        state = state_of(call.cache, self, self._attribute)
        parts: list[RunningSquares] = state.before(call.past, call.rows)
        before = RunningSquares(parts[-1].sums[:, -1], parts[-1].counts[:, -1]) if parts else None
        scope = scoping(None if before is None else before.counts > 0)
        decision, seen = measure(inputs, self.bank, numbers, scope, before)
        # The sums run on: of a cache of fixed size, which nobody cuts, the last position says everything.
        call.cache_states.append(state.extended(call.past, seen, most=1))
        return decision


def choose(activations: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
    """The memory with the largest activation among those that reach their threshold.

    Args:
        activations: float32 (..., n).
        thresholds: float32 (n,).

    Returns:
        its activation (...), −∞ where no memory reaches its threshold, and its place (...).
    """
    reached = activations.masked_fill(activations < thresholds, -torch.inf)
    best, place = reached.max(dim=-1)
    return best, place


def measure(
    inputs: Tensor, bank: Bank, numbers: Sequence[int], scope: Scope, before: RunningSquares | None = None
) -> tuple[Decision, RunningSquares]:
    """Measure memories and choose, in one pass that keeps only the best product so far.

    Args:
        inputs: A(x), (B, T, d_in).
        bank: the memories at the module.
        numbers: which are measured; one at least.
        scope: the tokens that the decision may see.
        before: what was seen of the rows before the first token here: sums (B, n), counts (B,).

    Returns:
        the decision, and the sums (B, T, n) and counts (B, T) to go on from.
    """
    rows, tokens, _ = inputs.shape
    bank.place(inputs.device, inputs.dtype)
    best = torch.full((rows, tokens), -torch.inf, device=inputs.device)
    slots = torch.full((rows, tokens), BASE, dtype=torch.int64, device=inputs.device)
    added = inputs.new_zeros(())
    activations, sums = [], []
    counts = torch.empty(0)
    for place, number in enumerate(numbers):
        product = bank.product(number, inputs)
        part = None if before is None else RunningSquares(before.sums[:, place : place + 1], before.counts)
        running = running_squares(token_squares(product)[..., None], scope.seen, part)
        levels = rms(running)
        levels = torch.where(scope.held[:, None, None], levels[:, -1:], levels)
        top, _ = choose(levels, bank.thresholds[number][None])
        better = top > best
        added = torch.where(better[..., None], product, added)
        slots = torch.where(better, bank.slot_table.first[number], slots)
        best = torch.maximum(top, best)
        activations.append(levels)
        sums.append(running.sums)
        counts = running.counts
    return Decision(slots, torch.cat(activations, dim=-1), added=added), RunningSquares(torch.cat(sums, dim=-1), counts)
