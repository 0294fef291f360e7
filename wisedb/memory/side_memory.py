"""The side memory: a mask and what was learned on its entries, ΔW = W_v' − W_v (WISE §2.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from wisedb.errors import CorruptObject, TrainingFailed
from wisedb.memory.keys import KeyRing


@dataclass(frozen=True, slots=True, eq=False)
class SideMemory:
    """One memory beside the base weight W_v.

    Attributes:
        id: names it among the memories of a commit.
        mask: bool (d_ff, d_model): which entries of W_v may change.
        values: (entries,): ΔW at the True entries of the mask, in row-major order.
        threshold: ε, the activation from which on this memory answers; in units of Δ_act.
        edits: the ids of the edits that it holds.
        keys: what tells the key router that a prompt means one of them; None for the activation router alone.

    Raises:
        CorruptObject: shapes or dtypes that don't belong together, or a value that is not finite.
    """

    id: str
    mask: torch.Tensor
    values: torch.Tensor
    threshold: float
    edits: tuple[str, ...] = ()
    keys: KeyRing | None = None

    def __post_init__(self) -> None:
        hint = "Run `wisedb fsck`."
        if self.mask.dtype != torch.bool or self.mask.ndim != 2:
            raise CorruptObject(f"memory {self.id[:12]}: the mask is no boolean matrix", hint=hint)
        entries = int(self.mask.sum())
        if self.values.shape != (entries,) or not self.values.is_floating_point():
            raise CorruptObject(
                f"memory {self.id[:12]}: {entries} entries are masked, "
                f"the values have dtype {self.values.dtype} and shape {tuple(self.values.shape)}",
                hint=hint,
            )
        if not bool(torch.isfinite(self.values).all()):
            raise CorruptObject(f"memory {self.id[:12]}: a value is not a finite number", hint=hint)
        if not math.isfinite(self.threshold) or self.threshold < 0:
            raise CorruptObject(f"memory {self.id[:12]}: {self.threshold} can't be a threshold", hint=hint)
        if self.keys is not None and len(self.keys) and int(self.keys.owners.max()) >= len(self.edits):
            raise CorruptObject(f"memory {self.id[:12]}: there are keys for more edits than it holds", hint=hint)

    @property
    def shape(self) -> tuple[int, int]:
        """(d_ff, d_model)."""
        return (self.mask.shape[0], self.mask.shape[1])

    def dense(self) -> torch.Tensor:
        """ΔW (d_ff, d_model), zero outside the mask; the values' dtype and device."""
        return scatter(self.mask, self.values)


def scatter(mask: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Put values (entries,) where the mask (d_ff, d_model) is True, zeros elsewhere."""
    delta = torch.zeros(mask.shape, dtype=values.dtype, device=values.device)
    delta[mask.to(values.device)] = values
    return delta


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
