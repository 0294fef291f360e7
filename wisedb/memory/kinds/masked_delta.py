"""Masked deltas: ΔW = W_v' − W_v on the entries of a mask, WISE's side memory (WISE §2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from wisedb.errors import CorruptObject
from wisedb.memory.kinds.additive import DenseDelta
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.masks import PackedMask

_HINT = "Run `wisedb fsck`."


@dataclass(frozen=True, eq=False)
class MaskedDelta:
    """ΔW at one module, zero outside a mask.

    It takes the room of its values and of an eighth of a byte for each entry of W_v. Matrices are made of it where
    they are multiplied (:class:`wisedb.memory.bank.Bank`).

    Attributes:
        module: the projection whose weight W_v it changes.
        packed: which entries of W_v (d_ff, d_model) may change.
        values: (entries,): ΔW at the True entries of the mask, in row-major order.

    Raises:
        CorruptObject: shapes or dtypes that don't belong together, or a value that is not finite.
    """

    kind: ClassVar[str] = "masked_delta"
    origin: ClassVar[str] = "mask"
    main: ClassVar[str] = "delta"

    module: str
    packed: PackedMask
    values: Tensor

    def __post_init__(self) -> None:
        entries = self.packed.entries
        if self.values.shape != (entries,) or not self.values.is_floating_point():
            raise CorruptObject(
                f"{entries} entries are masked, the values have dtype {self.values.dtype} "
                f"and shape {tuple(self.values.shape)}",
                hint=_HINT,
            )
        if not bool(torch.isfinite(self.values).all()):
            raise CorruptObject("a value of a masked delta is not a finite number", hint=_HINT)

    @classmethod
    def under(cls, module: str, mask: Tensor, values: Tensor) -> Self:
        """From a mask as it is: bool (d_ff, d_model).

        Raises:
            CorruptObject: it is no boolean matrix, or the values don't fit it.
        """
        if mask.dtype != torch.bool or mask.ndim != 2:
            raise CorruptObject("the mask is no boolean matrix", hint=_HINT)
        return cls(module, PackedMask.of(mask), values)

    @property
    def modules(self) -> tuple[str, ...]:
        """The one module."""
        return (self.module,)

    @property
    def entries(self) -> int:
        """It is one piece."""
        return 1

    @property
    def mask(self) -> Tensor:
        """bool (d_ff, d_model) on the CPU, made anew whenever it is asked for."""
        return self.packed.unpacked(torch.device("cpu"))

    @property
    def size(self) -> int:
        """Bytes of the mask and the values, as they are kept."""
        return self.packed.bits.numel() + self.values.numel() * self.values.element_size()

    def parts(self) -> dict[str, Part]:
        """``mask``, as packed bits, and ``delta``, the values in mask order."""
        mask = Part(
            {"shape": list(self.packed.shape), "entries": self.packed.entries},
            {"bits": self.packed.bits},
        )
        return {self.origin: mask, self.main: Part({}, {"values": self.values})}

    @classmethod
    def of(cls, modules: tuple[str, ...], parts: Mapping[str, Part]) -> Self:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        if len(modules) != 1 or cls.origin not in parts or cls.main not in parts:
            raise CorruptObject("a masked delta has one module, a mask and a delta", hint=_HINT)
        delta = parts[cls.main]
        if "values" not in delta.tensors:
            raise CorruptObject("a masked delta has no values", hint=_HINT)
        return cls(modules[0], _mask(parts[cls.origin]), delta.tensors["values"])

    def begun(self, origin: Part) -> Self:
        """No change yet, under the mask that ``origin`` holds."""
        packed = _mask(origin)
        return replace(self, packed=packed, values=self.values.new_zeros(packed.entries))

    def shape(self, module: str) -> tuple[int, int]:
        """(d_ff, d_model)."""
        return self.packed.shape

    def dense(self, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Tensor:
        """ΔW (d_ff, d_model), zero outside the mask; in the values' dtype and on their device if nothing is said."""
        values = self.values.to(device=device, dtype=dtype)
        return scatter(self.packed.unpacked(values.device), values)

    def place(self, module: str, device: torch.device, dtype: torch.dtype) -> DenseDelta:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        return DenseDelta(self.dense(device, dtype))

    def delta(self, module: str) -> Tensor:
        """ΔW, float32 (d_ff, d_model)."""
        return self.dense(torch.device("cpu"), torch.float32)

    def compare(self, other: Self | None) -> Mapping[str, float]:
        """See :class:`wisedb.memory.kinds.base.Change`; both have one mask."""
        own = self.values.float()
        rest = own if other is None else own - other.values.float()
        return {"norm": float(own.norm()), "change": float(rest.norm()), "entries": float(own.numel())}


def scatter(mask: Tensor, values: Tensor) -> Tensor:
    """Put values (entries,) where the mask (d_ff, d_model) is True, zeros elsewhere."""
    delta = torch.zeros(mask.shape, dtype=values.dtype, device=values.device)
    return delta.masked_scatter_(mask.to(values.device), values)


def _mask(part: Part) -> PackedMask:
    if "bits" not in part.tensors:
        raise CorruptObject("a mask has no bits", hint=_HINT)
    packed = PackedMask.read(part.tensors["bits"], _shape(part))
    if part.meta.get("entries", packed.entries) != packed.entries:
        raise CorruptObject(f"a mask has {packed.entries} entries, and not as many as it says", hint=_HINT)
    return packed


def _shape(mask: Part) -> tuple[int, int]:
    shape = mask.meta.get("shape")
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(size) is int and size > 0 for size in shape):
        raise CorruptObject(f"a mask has the shape {shape!r}", hint=_HINT)
    return shape[0], shape[1]
