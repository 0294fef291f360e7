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
from wisedb.memory.cache_state import state_attribute, state_of
from wisedb.memory.forward_call import ForwardCall
from wisedb.memory.gates.activation import RunningSquares, rms, token_squares
from wisedb.memory.gates.decision import Scoping, seen_earlier
from wisedb.memory.slots import BASE


class ActivationSpan:
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
        self._attribute = state_attribute("both", bank.module)

    def agreed(
        self, call: ForwardCall, inputs: Tensor, named: Tensor, scoping: Scoping, numbers: Sequence[int]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """The slots of which the activation agrees.

        Only memories that the keys name are measured where the host may look and nobody records.

        Args:
            call: the call; what was seen is left to be kept.
            inputs: A(x), (B, T, d_in).
            named: int64 (B, T), slots, as the keys decided.
            scoping: which tokens may be seen.
            numbers: the memories whose activation counts; the others pass.

        Returns:
            the slots, and Δ_act (B, T) of the memories that were measured.
        """
        bank = self._bank
        bank.place(inputs.device, inputs.dtype)
        state = state_of(call.cache, self, self._attribute)
        before: list[ActivationSpan] = state.before(call.past, call.rows)
        scope = scoping(seen_earlier([part.seen for part in before]))
        now = ActivationSpan(inputs.detach(), scope.seen)
        call.cache_states.append(state.extended(call.past, now, call.max_positions))

        def excited(memory: int) -> Tensor:
            sums, counts = now.sums(memory, bank), now.counts
            for part in before:
                sums, counts = sums + part.sums(memory, bank)[:, -1:], counts + part.counts[:, -1:]
            levels = rms(RunningSquares(sums[..., None], counts))[..., 0]
            return torch.where(scope.held[:, None], levels[:, -1:], levels)

        first = bank.slot_table.first
        there = torch.unique(named).tolist() if call.may_sync and not call.recorded else None
        found = {number: excited(number) for number in numbers if there is None or first[number] in there}
        slots = named
        for number, levels in found.items():
            slots = torch.where((named == first[number]) & (levels < bank.thresholds[number]), BASE, slots)
        return slots, found
