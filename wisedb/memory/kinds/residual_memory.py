"""A residual memory: one ΔW for all edits, of which each edit reads and writes the rows of its own mask (MEMOIR)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds.base import Part

_HINT = "Run `wisedb fsck`."


def tophash(features: Tensor, centre: Tensor, permutation: Tensor, active: int) -> Tensor:
    """The mask of a prompt: the largest entries of its centred features, each at the place that it is hashed to.

    Wang et al. 2025, "MEMOIR", TopHash: the k largest entries tell prompts apart and change little with the wording,
    and a fixed permutation spreads them, so that not all edits write the features that are large everywhere.

    Args:
        features: the mean of A(x) over a prompt, (..., d_in).
        centre: the same over unrelated prompts, (d_in,).
        permutation: int64 (d_in,), where each entry is hashed to.
        active: k, how many entries.

    Returns:
        bool (..., d_in).
    """
    largest = (features.float() - centre).abs().topk(active, dim=-1).indices
    mask = torch.zeros(features.shape, dtype=torch.bool, device=features.device)
    return mask.scatter(-1, permutation[largest], True)


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class PlacedResidual:
    """A residual memory where the model computes.

    Attributes:
        matrix: ΔW, (d_in, d_out).
        masks: bool (n, d_in).
        permutation: int64 (d_in,).
        centre: float32 (d_in,).
        active: k.
    """

    matrix: Tensor
    masks: Tensor
    permutation: Tensor
    centre: Tensor
    active: int

    @property
    def size(self) -> int:
        """Bytes of all four."""
        return sum(
            part.numel() * part.element_size() for part in (self.matrix, self.masks, self.permutation, self.centre)
        )

    def apply(self, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """The output with (M ⊙ A(x))·ΔW added, M the mask of one edit: a sequence's, (B, 1), or a token's, (B, T)."""
        return output + ((inputs * self.masks[entry].to(inputs.dtype)) @ self.matrix).to(output.dtype)

    def overlaps(self, features: Tensor) -> Tensor:
        """The share of each edit's mask that a prompt's own has: mean features (..., d_in) → float32 (..., n)."""
        mask = tophash(features, self.centre, self.permutation, self.active)
        return mask.float() @ self.masks.float().T / self.active


@dataclass(frozen=True, eq=False)
class ResidualMemory:
    """ΔW, and the mask of each edit in the memory's order; n edits.

    Attributes:
        module: where it stands.
        permutation: int32 (d_in,), where each entry of A(x) is hashed to; never changes.
        active: k, how many entries a mask has; never changes.
        centre: float32 (d_in,), the mean of A(x) over unrelated prompts.
        matrix: ΔW, (d_in, d_out).
        packed: uint8 (n, ⌈d_in / 8⌉), the masks' bits, the first bit highest.

    Raises:
        CorruptObject: arrays that don't belong together, or a value that is not finite.
    """

    kind: ClassVar[str] = "residual_memory"
    origin: ClassVar[str] = "origin"
    main: ClassVar[str] = "memory"

    module: str
    permutation: Tensor
    active: int
    centre: Tensor
    matrix: Tensor
    packed: Tensor

    def __post_init__(self) -> None:
        width = len(self.permutation)
        shaped = self.permutation.ndim == 1 and self.centre.shape == (width,) and self.matrix.ndim == 2
        shaped = shaped and len(self.matrix) == width and self.packed.ndim == 2
        typed = (self.permutation.dtype, self.centre.dtype, self.packed.dtype) == (
            torch.int32,
            torch.float32,
            torch.uint8,
        )
        if not shaped or not typed or not self.matrix.is_floating_point() or not 1 <= self.active <= width:
            raise CorruptObject("the arrays of a residual memory don't belong together", hint=_HINT)
        if self.packed.shape[1] != (width + 7) // 8 or not torch.equal(
            self.permutation.sort().values, torch.arange(width, dtype=torch.int32)
        ):
            raise CorruptObject("the arrays of a residual memory don't belong together", hint=_HINT)
        if not all(bool(torch.isfinite(part).all()) for part in (self.centre, self.matrix)):
            raise CorruptObject("a residual memory holds a value that is not a finite number", hint=_HINT)
        if len(self.packed) and bool((self.masks.sum(dim=1) != self.active).any()):
            raise CorruptObject("a mask of a residual memory has too many entries, or too few", hint=_HINT)

    @classmethod
    def empty(cls, module: str, shape: tuple[int, int], active: int, permutation: Tensor, dtype: torch.dtype) -> Self:
        """No edits, for a module of the shape (d_in, d_out)."""
        none = torch.zeros(0, (shape[0] + 7) // 8, dtype=torch.uint8)
        return cls(module, permutation, active, torch.zeros(shape[0]), torch.zeros(shape, dtype=dtype), none)

    @property
    def masks(self) -> Tensor:
        """bool (n, d_in)."""
        bits = np.unpackbits(self.packed.numpy(), axis=1, count=len(self.permutation))
        return torch.from_numpy(bits.view(bool))

    @property
    def modules(self) -> tuple[str, ...]:
        """The one module."""
        return (self.module,)

    @property
    def entries(self) -> int:
        """n, a mask an edit."""
        return len(self.packed)

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        parts = (self.permutation, self.centre, self.matrix, self.packed)
        return sum(part.numel() * part.element_size() for part in parts)

    def parts(self) -> dict[str, Part]:
        """``origin``, what is drawn at the beginning, and ``memory``."""
        begun = Part({"active": self.active}, {"permutation": self.permutation})
        tensors = {"centre": self.centre, "matrix": self.matrix.contiguous(), "masks": self.packed}
        return {self.origin: begun, self.main: Part({}, tensors)}

    @classmethod
    def of(cls, modules: tuple[str, ...], parts: Mapping[str, Part]) -> Self:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        begun, held = (parts.get(role, Part()) for role in (cls.origin, cls.main))
        active = begun.meta.get("active")
        whole = "permutation" in begun.tensors and set(held.tensors) == {"centre", "matrix", "masks"}
        if len(modules) != 1 or not whole or type(active) is not int:
            raise CorruptObject("a residual memory has one module, permutation, centre, matrix and masks", hint=_HINT)
        tensors = held.tensors
        permutation = begun.tensors["permutation"]
        return cls(modules[0], permutation, active, tensors["centre"], tensors["matrix"], tensors["masks"])

    def begun(self, origin: Part) -> Self:
        """With the permutation that ``origin`` holds."""
        return self.of(self.modules, {**self.parts(), self.origin: origin})

    def shape(self, module: str) -> tuple[int, int]:
        """(d_in, d_out)."""
        return self.matrix.shape[0], self.matrix.shape[1]

    def place(self, module: str, device: torch.device, dtype: torch.dtype) -> PlacedResidual:
        """See :class:`wisedb.memory.kinds.base.Change`; the centre stays in float32, features are compared."""
        return PlacedResidual(
            self.matrix.to(device, dtype),
            self.masks.to(device),
            self.permutation.long().to(device),
            self.centre.to(device),
            self.active,
        )

    def delta(self, module: str) -> Tensor:
        """There is none.

        Raises:
            CannotBake: always.
        """
        raise CannotBake(
            "a residual memory reads through the mask of the edit that is meant, which no weight can say",
            hint="Export the commit as an adapter, which keeps it as it is.",
        )

    def compare(self, other: Self | None) -> Mapping[str, float]:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        own = self.matrix.float()
        rest = own if other is None else own - other.matrix.float()
        return {"norm": float(own.norm()), "change": float(rest.norm()), "entries": float(own.numel())}
