"""The side memory: a mask and what was learned on its entries, ΔW = W_v' − W_v (WISE §2.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Never, overload

import torch

from wisedb.errors import CorruptObject, TrainingFailed
from wisedb.memory.gates.keys.edit_keys import KeyRing
from wisedb.memory.kinds.masks import PackedMask

_HINT = "Run `wisedb fsck`."


class _Mask:
    """The field that takes a mask in either form, keeps the packed one, and gives the boolean one."""

    @overload
    def __get__(self, memory: None, kind: type) -> Never: ...

    @overload
    def __get__(self, memory: SideMemory, kind: type) -> torch.Tensor: ...

    def __get__(self, memory: SideMemory | None, kind: type) -> torch.Tensor:
        if memory is None:
            # Tells dataclasses that the field has no default.
            raise AttributeError
        return memory.packed.unpacked(torch.device("cpu"))

    def __set__(self, memory: SideMemory, mask: torch.Tensor | PackedMask) -> None:
        if isinstance(mask, torch.Tensor):
            if mask.dtype != torch.bool or mask.ndim != 2:
                raise CorruptObject(f"memory {memory.id[:12]}: the mask is no boolean matrix", hint=_HINT)
            mask = PackedMask.of(mask)
        memory.__dict__["packed"] = mask


@dataclass(frozen=True, eq=False)
class SideMemory:
    """One memory beside the base weight W_v.

    It takes the room of its values and of an eighth of a byte for each entry of W_v. Matrices are made of it where
    they are multiplied (:class:`wisedb.memory.bank.Bank`).

    Attributes:
        id: names it among the memories of a commit.
        mask: bool (d_ff, d_model): which entries of W_v may change. Given as it is or packed; kept packed, and made
            anew whenever it is asked for.
        values: (entries,): ΔW at the True entries of the mask, in row-major order.
        threshold: ε, the activation from which on this memory answers; in units of Δ_act.
        edits: the ids of the edits that it holds.
        keys: what tells the key router that a prompt means one of them; None for the activation router alone.
        packed: the mask as it is kept.

    Raises:
        CorruptObject: shapes or dtypes that don't belong together, or a value that is not finite.
    """

    id: str
    # A descriptor, which is no default (it has none to give); mypy takes it for one.
    mask: _Mask = _Mask()
    values: torch.Tensor  # type: ignore[misc]
    threshold: float  # type: ignore[misc]
    edits: tuple[str, ...] = ()
    keys: KeyRing | None = None
    packed: PackedMask = field(init=False, repr=False)

    def __post_init__(self) -> None:
        entries = self.packed.entries
        if self.values.shape != (entries,) or not self.values.is_floating_point():
            raise CorruptObject(
                f"memory {self.id[:12]}: {entries} entries are masked, "
                f"the values have dtype {self.values.dtype} and shape {tuple(self.values.shape)}",
                hint=_HINT,
            )
        if not bool(torch.isfinite(self.values).all()):
            raise CorruptObject(f"memory {self.id[:12]}: a value is not a finite number", hint=_HINT)
        if not math.isfinite(self.threshold) or self.threshold < 0:
            raise CorruptObject(f"memory {self.id[:12]}: {self.threshold} can't be a threshold", hint=_HINT)
        if self.keys is not None and len(self.keys) and int(self.keys.owners.max()) >= len(self.edits):
            raise CorruptObject(f"memory {self.id[:12]}: there are keys for more edits than it holds", hint=_HINT)

    @property
    def shape(self) -> tuple[int, int]:
        """(d_ff, d_model)."""
        return self.packed.shape

    @property
    def size(self) -> int:
        """Bytes of the mask and the values, as they are kept."""
        return self.packed.bits.numel() + self.values.numel() * self.values.element_size()

    def dense(self, device: torch.device | None = None, dtype: torch.dtype | None = None) -> torch.Tensor:
        """ΔW (d_ff, d_model), zero outside the mask; in the values' dtype and on their device if nothing is said."""
        values = self.values.to(device=device, dtype=dtype)
        return scatter(self.packed.unpacked(values.device), values)


def scatter(mask: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Put values (entries,) where the mask (d_ff, d_model) is True, zeros elsewhere."""
    delta = torch.zeros(mask.shape, dtype=values.dtype, device=values.device)
    return delta.masked_scatter_(mask.to(values.device), values)


def gather(mask: torch.Tensor, delta: torch.Tensor) -> torch.Tensor:
    """The entries of ΔW (d_ff, d_model) under the mask, in mask order: (entries,).

    Raises:
        TrainingFailed: ΔW is not zero everywhere outside the mask, so that the values alone would lose something.
    """
    mask = mask.to(delta.device)
    if bool((delta.masked_fill(mask, 0) != 0).any()):
        raise TrainingFailed(
            "the side memory changed outside its mask", hint="This is a fault of the editor: please report it."
        )
    return delta[mask]
