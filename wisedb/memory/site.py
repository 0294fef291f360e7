"""One module at which memories stand: those that are always on, and those behind gates."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wisedb.memory.bank import Bank, check_shape
from wisedb.memory.gates.choice import BankRouter
from wisedb.memory.gates.key_router import KeyRouter
from wisedb.memory.kinds.base import Placed
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection


class Site:
    """The memories at one module.

    Args:
        projection: the module.
        always: all always-on memories that are attached.
        gated: all gated ones, in the order that routes count them.
        keys: the router over the keys of all of them.
        room: see :func:`wisedb.memory.hooks.attach`.
        before: the site that this one comes in the place of.

    Attributes:
        bank: the gated memories here.
        router: who decides among them; None where there are none.

    Raises:
        UsageError: a memory of another shape.
    """

    def __init__(
        self,
        projection: Projection,
        always: Sequence[Memory],
        gated: Sequence[Memory],
        keys: KeyRouter | None,
        room: int,
        before: Site | None = None,
    ) -> None:
        self.projection = projection
        shape = (projection.d_ff, projection.d_model)
        self.bank = Bank(gated, projection.name, shape, room)
        self.router = BankRouter(self.bank, keys) if self.bank.here else None
        self._always = [memory for memory in always if projection.name in memory.modules]
        for memory in self._always:
            check_shape(memory, projection.name, shape)
        self._placed: list[Placed] = []
        self._for: tuple[torch.device, torch.dtype] | None = None
        if any(memory.gate.name == "activation" for memory in (gated[number] for number in self.bank.here)):
            self.bank.room = None
        weight = projection.module.weight
        if isinstance(weight, Tensor) and not weight.is_meta:
            self.bank.place(weight.device, weight.dtype, None if before is None else before.bank)

    def always(self, inputs: Tensor, output: Tensor) -> Tensor | None:
        """The module's output with the always-on memories' part, None where there are none.

        Args:
            inputs: what entered it, (..., d_in).
            output: what it gave, (..., d_out).
        """
        if not self._always:
            return None
        if self._for != (inputs.device, inputs.dtype):
            name = self.projection.name
            self._placed = [memory.change.place(name, inputs.device, inputs.dtype) for memory in self._always]
            self._for = (inputs.device, inputs.dtype)
        entry = torch.zeros(inputs.shape[:-1], dtype=torch.int64, device=inputs.device)
        for placed in self._placed:
            output = placed.apply(inputs, output, entry)
        return output
