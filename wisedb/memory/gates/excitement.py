"""Keys and activation together: a memory that the keys name answers only where its Δ_act reaches ε too.

Only the activation of memories that the keys have named is asked for. So A(x) itself is kept with a cache (d_ff numbers
a token, a few per cent of what a large model's cache keeps in all its layers), and a memory is multiplied with it when
it is first named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from wisedb.memory.bank import Bank
from wisedb.memory.cache_state import attribute_for, state_of
from wisedb.memory.forward_call import Call
from wisedb.memory.gates.activation import Tally, level, token_squares
from wisedb.memory.gates.decision import Scoping, begun
from wisedb.memory.slots import BASE


class Stretch:
    """Some positions of all rows of a call; a memory's part is measured once.

    Args:
        hidden: A(x), (B, T, d_ff).
        seen: bool (B, T): the tokens that count.
    """

    def __init__(self, hidden: Tensor, seen: Tensor) -> None:
        self.hidden = hidden
        self.seen = seen
        self.counts = seen.float().cumsum(dim=1)
        self._sums: dict[int, Tensor] = {}

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.hidden, self.seen))

    def sums(self, memory: int, bank: Bank) -> Tensor:
        """float32 (B, T): the squared norms of one memory's products, added up along the stretch."""
        if memory not in self._sums:
            squares = token_squares(bank.product(memory, self.hidden))
            self._sums[memory] = torch.where(self.seen, squares, 0.0).cumsum(dim=1)
        return self._sums[memory]


class ActivationCheck:
    """Measures memories that keys have named.

    Args:
        bank: the memories at the module.
    """

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._attribute = attribute_for("both", bank.module)

    def agreed(
        self, call: Call, inputs: Tensor, named: Tensor, scoping: Scoping, numbers: Sequence[int]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """The routes of which the activation agrees.

        Only memories that the keys name are measured where the host may look and nobody records.

        Args:
            call: the call; what was seen is left to be kept.
            inputs: A(x), (B, T, d_in).
            named: int64 (B, T), slots, as the keys decided.
            scoping: which tokens may be seen.
            numbers: the memories whose activation counts; the others pass.

        Returns:
            the routes, and Δ_act (B, T) of the memories that were measured.
        """
        bank = self._bank
        bank.place(inputs.device, inputs.dtype)
        state = state_of(call.cache, self, self._attribute)
        before: list[Stretch] = state.before(call.past, call.rows)
        scope = scoping(begun([part.seen for part in before]))
        now = Stretch(inputs.detach(), scope.seen)
        call.kept.append(state.extended(call.past, now, call.room))

        def excited(memory: int) -> Tensor:
            sums, counts = now.sums(memory, bank), now.counts
            for part in before:
                sums, counts = sums + part.sums(memory, bank)[:, -1:], counts + part.counts[:, -1:]
            levels = level(Tally(sums[..., None], counts))[..., 0]
            return torch.where(scope.held[:, None], levels[:, -1:], levels)

        first = bank.slots.first
        there = torch.unique(named).tolist() if call.look and not call.watched else None
        found = {number: excited(number) for number in numbers if there is None or first[number] in there}
        routes = named
        for number, levels in found.items():
            routes = torch.where((named == first[number]) & (levels < bank.thresholds[number]), BASE, routes)
        return routes, found
