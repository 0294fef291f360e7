"""Full deltas: ΔW with every entry free, as fine-tuning a weight leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from wisedb.errors import CorruptObject
from wisedb.memory.kinds.additive import DenseDelta
from wisedb.memory.kinds.base import Part

_HINT = "Run `wisedb fsck`."


@dataclass(frozen=True, eq=False)
class FullDelta:
    """ΔW at one module.

    A masked delta says which entries may change and is merged entry by entry; here all may, and nothing else is said.

    Attributes:
        module: the projection whose weight it changes.
        matrix: (d_in, d_out), ΔW in the dtype that is stored.

    Raises:
        CorruptObject: no matrix of floating point numbers, or a value that is not finite.
    """

    kind: ClassVar[str] = "full_delta"
    origin: ClassVar[str] = "origin"
    main: ClassVar[str] = "matrix"

    module: str
    matrix: Tensor

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or not self.matrix.is_floating_point():
            raise CorruptObject(
                f"a full delta has dtype {self.matrix.dtype} and shape {tuple(self.matrix.shape)}", hint=_HINT
            )
        if not bool(torch.isfinite(self.matrix).all()):
            raise CorruptObject("a value of a full delta is not a finite number", hint=_HINT)

    @classmethod
    def zero(cls, module: str, shape: tuple[int, int], dtype: torch.dtype) -> Self:
        """ΔW = 0 at a module of the shape (d_in, d_out)."""
        return cls(module, torch.zeros(shape, dtype=dtype))

    @property
    def modules(self) -> tuple[str, ...]:
        """The one module."""
        return (self.module,)

    @property
    def entries(self) -> int:
        """It is one piece."""
        return 1

    @property
    def size(self) -> int:
        """Bytes of the matrix."""
        return self.matrix.numel() * self.matrix.element_size()

    def parts(self) -> dict[str, Part]:
        """``origin`` (nothing but where it stands) and ``matrix``."""
        return {self.origin: Part(), self.main: Part({}, {"values": self.matrix.contiguous()})}

    @classmethod
    def of(cls, modules: tuple[str, ...], parts: Mapping[str, Part]) -> Self:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        tensors = parts[cls.main].tensors if cls.main in parts else {}
        if len(modules) != 1 or set(tensors) != {"values"}:
            raise CorruptObject("a full delta has one module and one matrix", hint=_HINT)
        return cls(modules[0], tensors["values"])

    def begun(self, origin: Part) -> Self:
        """Itself: nothing of its beginning is drawn."""
        return self

    def shape(self, module: str) -> tuple[int, int]:
        """(d_in, d_out)."""
        return self.matrix.shape[0], self.matrix.shape[1]

    def place(self, module: str, device: torch.device, dtype: torch.dtype) -> DenseDelta:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        return DenseDelta(self.matrix.to(device, dtype))

    def delta(self, module: str) -> Tensor:
        """ΔW, float32 (d_in, d_out)."""
        return self.matrix.float()

    def compare(self, other: Self | None) -> Mapping[str, float]:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        own = self.matrix.float()
        rest = own if other is None else own - other.matrix.float()
        return {"norm": float(own.norm()), "change": float(rest.norm()), "entries": float(own.numel())}
