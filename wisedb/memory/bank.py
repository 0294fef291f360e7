"""The gated memories that change one module, placed where the model computes.

A memory is kept packed; what multiplies is made where it is used. Matrices stay where they take little room beside a
model, so that small models never make one twice. Where they are large, one lives as long as the answers that need it:
a mask in which one entry in five is True takes 2.1 bytes for each 8 of a bfloat16 matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from wisedb.errors import UsageError
from wisedb.memory.kinds.additive import DenseDelta, FactoredDelta
from wisedb.memory.kinds.base import PlacedChange
from wisedb.memory.memory import Memory
from wisedb.memory.slots import SlotTable

CACHE_BYTES = 1 << 26
"""Bytes that placed changes may take beyond those that are being used, if nothing else is said."""


class Bank:
    """The memories at one module.

    Args:
        memories: all gated memories that are attached, in the order in which they are counted.
        module: the module's path.
        shape: (d_in, d_out) of the module.
        cache_bytes: bytes that placed changes may take beyond those that are being used; None for no limit.

    Attributes:
        here: the numbers of the memories that change this module.
        slot_table: how slots are counted.

    Raises:
        UsageError: a memory of another shape.
    """

    def __init__(
        self, memories: Sequence[Memory], module: str, shape: tuple[int, int], cache_bytes: int | None = CACHE_BYTES
    ) -> None:
        self.memories = tuple(memories)
        self.module = module
        self.shape = shape
        self.cache_bytes = cache_bytes
        self.here = tuple(number for number, memory in enumerate(memories) if module in memory.modules)
        self.slot_table = SlotTable.of(self.memories)
        for number in self.here:
            check_shape(memories[number], module, shape)
        self._placed: dict[int, PlacedChange] = {}
        self._in_use: WeakValueDictionary[int, PlacedChange] = WeakValueDictionary()
        self._place: tuple[torch.device, torch.dtype] | None = None
        self._thresholds = torch.empty(0)

    def __getstate__(self) -> dict[str, Any]:
        # What is placed is made anew, wherever the copy computes.
        placed: dict[str, Any] = {"_placed": {}, "_in_use": None, "_place": None}
        return {**self.__dict__, **placed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._in_use = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self.memories)

    @property
    def size(self) -> int:
        """Bytes that placed changes take now, beyond the memories themselves."""
        return sum(placed.size for placed in self._placed.values())

    def place(self, device: torch.device, dtype: torch.dtype, before: Bank | None = None) -> None:
        """Say where the model computes, and place all changes there if there is room for all.

        Args:
            device: the device.
            dtype: the model's.
            before: a bank that this one comes in the place of; what both have is taken over.
        """
        if self._place == (device, dtype):
            return
        # Always from the memories themselves: half precision and back would lose digits.
        self._placed, self._in_use = {}, WeakValueDictionary()
        self._thresholds = torch.tensor([memory.gate.threshold for memory in self.memories], device=device)
        # Last of all: another thread that sees it goes on with the rest.
        self._place = (device, dtype)
        if before is not None and before._place == self._place:
            found = {id(before.memories[number].change): placed for number, placed in before._placed.items()}
            for number in self.here:
                if (placed := found.get(id(self.memories[number].change))) is not None:
                    self._placed[number] = placed
        if self._fits(len(self.here)):
            for number in self.here:
                self.placed(number)

    @property
    def thresholds(self) -> Tensor:
        """float32 (n,): each memory's ε, where :meth:`place` said."""
        return self._thresholds

    @property
    def complete(self) -> bool:
        """Whether every change is placed."""
        return len(self._placed) == len(self.here)

    def by_distance(self, number: int) -> bool:
        """Whether one memory is a codebook, which answers from the prompt's last token on."""
        return self.memories[number].gate.name == "nearest"

    def placed(self, number: int) -> PlacedChange:
        """One memory's change where :meth:`place` said; whoever goes on using it keeps it."""
        found = self._placed.get(number) or self._in_use.get(number)
        if found is not None:
            return found
        assert self._place is not None
        made = self.memories[number].change.place(self.module, *self._place)
        self._in_use[number] = made
        if self.memories[number].by_edit:
            # They are put together of parts and are no matrix: making them for each answer would cost more than it.
            self._placed[number] = made
        elif self._fits(1):
            # The ones that were made longest ago go first, if another thread hasn't let them go.
            for oldest in [kept for kept in self._placed if not self.memories[kept].by_edit]:
                if not self._fits(len(self._placed) + 1):
                    self._placed.pop(oldest, None)
            self._placed[number] = made
        return made

    def apply(self, number: int, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """What the module gives where one memory answers; see :class:`wisedb.memory.kinds.base.PlacedChange`."""
        self.place(inputs.device, inputs.dtype)
        return self.placed(number).apply(inputs, output, entry)

    def product(self, number: int, inputs: Tensor) -> Tensor:
        """A(x)·ΔW of one memory: (..., d_in) → (..., d_out).

        Raises:
            UsageError: its change is no ΔW.
        """
        self.place(inputs.device, inputs.dtype)
        placed = self.placed(number)
        if not isinstance(placed, DenseDelta | FactoredDelta):
            raise UsageError(f"memory {self.memories[number].id[:12]} has no ΔW, and so no activation")
        return placed.product(inputs)

    def _fits(self, count: int) -> bool:
        if self.cache_bytes is None or self._place is None:
            return True
        return count * self.shape[0] * self.shape[1] * self._place[1].itemsize <= self.cache_bytes


def check_shape(memory: Memory, module: str, shape: tuple[int, int]) -> None:
    """Refuse a memory that was made for another matrix.

    Raises:
        UsageError: its shape is not ``shape``.
    """
    if memory.change.shape(module) != shape:
        raise UsageError(
            f"memory {memory.id[:12]} has the shape {memory.change.shape(module)} at {module}, which has {shape}",
            hint="The memory belongs to another base model or layer.",
        )
