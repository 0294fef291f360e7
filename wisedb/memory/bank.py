"""The memories that stand beside one projection, and the matrices of those that answer.

A memory is kept packed; its matrix ΔW is made where it is multiplied. Matrices stay where they take little room beside
a model, so that small models never make one twice. Where they are large, one lives as long as the answers that need it:
a memory in whose mask one entry in five is True takes 2.1 bytes for each 8 of a bfloat16 matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from weakref import WeakValueDictionary

import torch

from wisedb.errors import UsageError
from wisedb.memory.kinds.masked_delta import SideMemory

ROOM = 1 << 26
"""Bytes that matrices may take beyond those that are being multiplied, if nothing else is said."""


class Bank:
    """n side memories of one shape (d_ff, d_model).

    Args:
        memories: the memories, in the order that routes count them.
        shape: (d_ff, d_model) of the projection.
        room: bytes that matrices may take beyond those that are being multiplied; None for no limit.

    Raises:
        UsageError: a memory of another shape.
    """

    def __init__(self, memories: Sequence[SideMemory], shape: tuple[int, int], room: int | None = ROOM) -> None:
        for memory in memories:
            if memory.shape != shape:
                raise UsageError(
                    f"memory {memory.id[:12]} has the shape {memory.shape}, the projection {shape}",
                    hint="The memory belongs to another base model or layer.",
                )
        self.memories = tuple(memories)
        self.shape = shape
        self.room = room
        self._matrices: dict[int, torch.Tensor] = {}
        self._lent: WeakValueDictionary[int, torch.Tensor] = WeakValueDictionary()
        self._place: tuple[torch.device, torch.dtype] | None = None
        self._thresholds = torch.empty(0)

    def __len__(self) -> int:
        return len(self.memories)

    @property
    def size(self) -> int:
        """Bytes that matrices take now, beyond the memories themselves."""
        return sum(matrix.numel() * matrix.element_size() for matrix in self._matrices.values())

    def place(self, device: torch.device, dtype: torch.dtype, before: Bank | None = None) -> None:
        """Say where products are taken, and make all matrices there if there is room for all.

        Args:
            device: the device.
            dtype: the model's.
            before: a bank that this one comes in the place of; matrices of memories that both have are taken over.
        """
        if self._place == (device, dtype):
            return
        # Always from the memories themselves: half precision and back would lose digits.
        self._matrices, self._lent = {}, WeakValueDictionary()
        self._place = (device, dtype)
        self._thresholds = torch.tensor([memory.threshold for memory in self.memories], device=device)
        if before is not None and before._place == self._place:
            found = {id(memory): before._matrices.get(number) for number, memory in enumerate(before.memories)}
            for number, memory in enumerate(self.memories):
                if (matrix := found.get(id(memory))) is not None:
                    self._matrices[number] = matrix
        if self._fits(len(self)):
            for number in range(len(self)):
                self.matrix(number)

    @property
    def thresholds(self) -> torch.Tensor:
        """float32 (n,): each memory's ε, where :meth:`place` said."""
        return self._thresholds

    @property
    def complete(self) -> bool:
        """Whether every memory's matrix is there."""
        return len(self._matrices) == len(self)

    def matrix(self, memory: int) -> torch.Tensor:
        """ΔW of one memory where :meth:`place` said; whoever goes on using it keeps it."""
        found = self._matrices.get(memory)
        if found is not None:
            return found
        found = self._lent.get(memory)
        if found is not None:
            return found
        assert self._place is not None
        made = self.memories[memory].dense(*self._place)
        self._lent[memory] = made
        if self._fits(1):
            # The ones that were made longest ago go first.
            while not self._fits(len(self._matrices) + 1):
                del self._matrices[next(iter(self._matrices))]
            self._matrices[memory] = made
        return made

    def multiply(self, hidden: torch.Tensor, memory: int) -> torch.Tensor:
        """A(x)·ΔW of one memory: (..., d_ff) → (..., d_model)."""
        self.place(hidden.device, hidden.dtype)
        return hidden @ self.matrix(memory)

    def products(self, hidden: torch.Tensor) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        """A(x)·ΔW of every memory, one after the other.

        Args:
            hidden: A(x), (B, T, d_ff).

        Yields:
            the number of the memory, the product (B, T, d_model) and the threshold ().
        """
        self.place(hidden.device, hidden.dtype)
        for number in range(len(self)):
            yield number, hidden @ self.matrix(number), self._thresholds[number]

    def _fits(self, count: int) -> bool:
        if self.room is None or self._place is None:
            return True
        return count * self.shape[0] * self.shape[1] * self._place[1].itemsize <= self.room
