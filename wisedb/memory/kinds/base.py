"""What a kind of memory is: how it changes a forward pass, what it consists of, how it becomes part of a weight.

A kind knows tensors, no store, no editor and no gate. A new kind is a class of this form and one line in
:mod:`wisedb.memory.kinds.registry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one blob of a memory is made of.

    Attributes:
        meta: JSON values.
        tensors: by name, on the CPU.
    """

    meta: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


class PlacedChange(Protocol):
    """A change at one module, on the device and in the dtype of the model."""

    @property
    def size(self) -> int:
        """Bytes that it takes there."""

    def apply(self, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """What the module gives where the memory answers.

        Args:
            inputs: what entered the module, A(x), (..., d_in).
            output: what it gave, (..., d_out).
            entry: int64 (...), which of the memory's entries answers; 0 where a memory is one piece.
        """


class Change(Protocol):
    """How a memory changes what some modules give.

    Attributes:
        kind: its name, as commits record it.
        origin: the role of the part that never changes from version to version and names the memory.
        main: the role of the part that changes.
    """

    kind: ClassVar[str]
    origin: ClassVar[str]
    main: ClassVar[str]

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that it changes, as ``model.get_submodule`` takes them."""

    @property
    def entries(self) -> int:
        """Into how many pieces it can be told apart by a gate; 1 for a change that is one piece."""

    @property
    def size(self) -> int:
        """Bytes of its tensors, as they are kept."""

    def parts(self) -> dict[str, Part]:
        """Role → part; :meth:`of` reads them back."""

    @classmethod
    def of(cls, modules: tuple[str, ...], parts: Mapping[str, Part]) -> Self:
        """What :meth:`parts` gave.

        Raises:
            CorruptObject: a part is missing, or they don't belong together.
        """

    def begun(self, origin: Part) -> Self:
        """This change, just begun, with what the memory's ``origin`` part holds in the place of what was drawn.

        An imported memory's beginning was found elsewhere, and no seed gives it.

        Raises:
            CorruptObject: that part is damaged.
        """

    def shape(self, module: str) -> tuple[int, int]:
        """(d_in, d_out) of a module that it fits."""

    def place(self, module: str, device: torch.device, dtype: torch.dtype) -> PlacedChange:
        """The change at one module, where the model computes."""

    def delta(self, module: str) -> Tensor:
        """ΔW (d_in, d_out), float32 on the CPU: what an always-on change adds to the module's weight.

        Raises:
            CannotBake: no weight says what this memory says.
        """

    def compare(self, other: Self | None) -> Mapping[str, float]:
        """How it differs from another version of it: its ``norm`` and the norm of the difference, ``change``."""
