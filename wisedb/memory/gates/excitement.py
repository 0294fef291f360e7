"""Keys and activation together: a memory that the keys name answers only where its Δ_act reaches ε too."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wisedb.memory.bank import Bank
from wisedb.memory.forward_call import Call
from wisedb.memory.gates.activation import Tally, level
from wisedb.memory.gates.activation_cache import Stretch, hidden_trail_of
from wisedb.memory.gates.decision import Scoping
from wisedb.memory.slots import BASE


class ActivationCheck:
    """Measures memories that keys have named.

    Args:
        bank: the memories at the module.
    """

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def agreed(
        self, call: Call, inputs: Tensor, named: Tensor, scoping: Scoping, numbers: Sequence[int]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """The routes of which the activation agrees.

        Only memories that the keys name are measured where the host may look and nobody records.

        Args:
            call: the call; what was seen is put among its trails.
            inputs: A(x), (B, T, d_in).
            named: int64 (B, T), slots, as the keys decided.
            scoping: which tokens may be seen.
            numbers: the memories whose activation counts; the others pass.

        Returns:
            the routes, and Δ_act (B, T) of the memories that were measured.
        """
        bank = self._bank
        bank.place(inputs.device, inputs.dtype)
        trail = hidden_trail_of(call.cache, bank)
        counts = trail.counts(call.past, call.rows)
        scope = scoping(None if counts is None else counts > 0)
        now = Stretch(inputs.detach(), scope.seen)
        call.trails.append(trail.extended(call.past, now, call.room))

        def excited(memory: int) -> Tensor:
            before = trail.sums(memory, call.past, call.rows)
            sums = now.sums(memory, bank)[..., None]
            if before is not None and counts is not None:
                sums = sums + before[:, None, None]
            seen = now.counts if counts is None else now.counts + counts[:, None]
            levels = level(Tally(sums, seen))[..., 0]
            return torch.where(scope.held[:, None], levels[:, -1:], levels)

        first = bank.slots.first
        there = torch.unique(named).tolist() if call.look and not call.watched else None
        found = {number: excited(number) for number in numbers if there is None or first[number] in there}
        routes = named
        for number, levels in found.items():
            routes = torch.where((named == first[number]) & (levels < bank.thresholds[number]), BASE, routes)
        return routes, found
