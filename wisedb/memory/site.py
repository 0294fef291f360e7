"""One module at which memories stand: those that are always on, and those behind gates."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wisedb.errors import UsageError
from wisedb.memory.bank import Bank, check_shape
from wisedb.memory.gates.key_router import KeyRouter
from wisedb.memory.gates.site_router import SiteRouter
from wisedb.memory.kinds.base import PlacedChange
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection


class Site:
    """The memories at one module.

    Args:
        projection: the module.
        always: all always-on memories that are attached.
        gated: all gated ones, in the order in which they are counted.
        keys: the router over the keys of all of them.
        cache_bytes: see :func:`wisedb.memory.hooks.attach`.
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
        cache_bytes: int,
        before: Site | None = None,
    ) -> None:
        self.projection = projection
        shape = (projection.d_ff, projection.d_model)
        self.bank = Bank(gated, projection.name, shape, cache_bytes)
        self.router = SiteRouter(self.bank, keys) if self.bank.here else None
        self._always = [memory for memory in always if projection.name in memory.modules]
        for memory in self._always:
            check_shape(memory, projection.name, shape)
        self._placed: list[PlacedChange] = []
        self._for: tuple[torch.device, torch.dtype] | None = None
        if any(gated[number].gate.name in ("activation", "nearest", "overlap") for number in self.bank.here):
            self.bank.cache_bytes = None
        weight = projection.module.weight
        if isinstance(weight, Tensor) and not weight.is_meta:
            self.bank.place(weight.device, weight.dtype, None if before is None else before.bank)

    def check_keys(self, keys: KeyRouter | None) -> None:
        """Refuse memories that would have to answer before their keys can be compared.

        Raises:
            UsageError: the module stands in front of the block at which relations are read.
        """
        if keys is None or self.router is None or not self.router.keyed:
            return
        if self.projection.layer < (layer := keys.index.statistics.layer):
            raise UsageError(
                f"keys are compared at block {layer}, which is behind {self.projection.name}",
                hint="Make the keys with statistics of the first module that the memory changes.",
            )

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
        # What is always on is one piece: no key of a codebook has to be picked.
        entry = torch.zeros((), dtype=torch.int64, device=inputs.device)
        for placed in self._placed:
            output = placed.apply(inputs, output, entry)
        return output
