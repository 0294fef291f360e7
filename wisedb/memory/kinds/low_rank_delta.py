"""Low-rank deltas: ΔW = L·R at one or several modules, as ROME, MEMIT and LoRA write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from wisedb.errors import CorruptObject
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.memory.kinds.base import Part

_HINT = "Run `wisedb fsck`."


@dataclass(frozen=True, eq=False)
class LowRankDelta:
    """ΔW = L·R at each of some modules.

    Attributes:
        modules: where it stands.
        left: by module, (d_in, r); r may be 0.
        right: by module, (r, d_out).

    Raises:
        CorruptObject: factors that don't belong together, or a value that is not finite.
    """

    kind: ClassVar[str] = "low_rank_delta"
    origin: ClassVar[str] = "origin"
    main: ClassVar[str] = "factors"

    modules: tuple[str, ...]
    left: Mapping[str, Tensor]
    right: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        if not self.modules or set(self.left) != set(self.modules) or set(self.right) != set(self.modules):
            raise CorruptObject("a low-rank delta needs two factors for each of its modules", hint=_HINT)
        for module in self.modules:
            left, right = self.left[module], self.right[module]
            if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[0] or left.dtype != right.dtype:
                raise CorruptObject(
                    f"the factors at {module} have the shapes {tuple(left.shape)} and {tuple(right.shape)}", hint=_HINT
                )
            if not left.is_floating_point() or not all(bool(torch.isfinite(part).all()) for part in (left, right)):
                raise CorruptObject(f"a factor at {module} holds a value that is not a finite number", hint=_HINT)

    @classmethod
    def empty(cls, shapes: Mapping[str, tuple[int, int]], dtype: torch.dtype = torch.float32) -> Self:
        """ΔW = 0 of rank 0.

        Args:
            shapes: (d_in, d_out) by module.
            dtype: that of the factors to come.
        """
        left = {module: torch.zeros(rows, 0, dtype=dtype) for module, (rows, _) in shapes.items()}
        right = {module: torch.zeros(0, columns, dtype=dtype) for module, (_, columns) in shapes.items()}
        return cls(tuple(shapes), left, right)

    def plus(self, module: str, left: Tensor, right: Tensor) -> Self:
        """The same with L·R added at one module: the rank grows by that of the factors."""
        kept = self.left[module]
        lefts = {**self.left, module: torch.cat([kept, left.to(kept.dtype)], dim=1)}
        rights = {**self.right, module: torch.cat([self.right[module], right.to(kept.dtype)], dim=0)}
        return type(self)(self.modules, lefts, rights)

    def compact(self) -> Self:
        """The same with no factor larger than ΔW: where the rank exceeds its smaller side, ΔW and the identity."""
        left, right = dict(self.left), dict(self.right)
        for module in self.modules:
            rows, columns = self.shape(module)
            if left[module].shape[1] > min(rows, columns):
                dense = self.left[module] @ self.right[module]
                identity = torch.eye(min(rows, columns), dtype=dense.dtype)
                left[module], right[module] = (dense, identity) if columns <= rows else (identity, dense)
        return type(self)(self.modules, left, right)

    @property
    def entries(self) -> int:
        """It is one piece."""
        return 1

    @property
    def size(self) -> int:
        """Bytes of all factors."""
        factors = (*self.left.values(), *self.right.values())
        return sum(part.numel() * part.element_size() for part in factors)

    def parts(self) -> dict[str, Part]:
        """``origin`` (nothing but where it stands) and ``factors``, numbered in the order of the modules."""
        tensors = {f"left_{letters(n)}": self.left[module].contiguous() for n, module in enumerate(self.modules)}
        tensors |= {f"right_{letters(n)}": self.right[module].contiguous() for n, module in enumerate(self.modules)}
        return {self.origin: Part(), self.main: Part({}, tensors)}

    @classmethod
    def of(cls, modules: tuple[str, ...], parts: Mapping[str, Part]) -> Self:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        tensors = parts[cls.main].tensors if cls.main in parts else {}
        names = [f"{side}_{letters(n)}" for n in range(len(modules)) for side in ("left", "right")]
        if set(tensors) != set(names):
            raise CorruptObject(f"{len(modules)} modules need the arrays {', '.join(names)}", hint=_HINT)
        left = {module: tensors[f"left_{letters(n)}"] for n, module in enumerate(modules)}
        right = {module: tensors[f"right_{letters(n)}"] for n, module in enumerate(modules)}
        return cls(modules, left, right)

    def begun(self, origin: Part) -> Self:
        """Itself: nothing of its beginning is drawn."""
        return self

    def shape(self, module: str) -> tuple[int, int]:
        """(d_in, d_out)."""
        return self.left[module].shape[0], self.right[module].shape[1]

    def place(self, module: str, device: torch.device, dtype: torch.dtype) -> FactoredDelta:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        return FactoredDelta(self.left[module].to(device, dtype), self.right[module].to(device, dtype))

    def delta(self, module: str) -> Tensor:
        """L·R, float32 (d_in, d_out)."""
        return self.left[module].float() @ self.right[module].float()

    def compare(self, other: Self | None) -> Mapping[str, float]:
        """See :class:`wisedb.memory.kinds.base.Change`; over all modules."""
        own = {module: self.delta(module) for module in self.modules}
        rest = {module: own[module] - other.delta(module) if other else own[module] for module in self.modules}
        entries = sum(matrix.numel() for matrix in own.values())
        return {"norm": _norm(own), "change": _norm(rest), "entries": float(entries)}


def letters(number: int) -> str:
    """0 → a, 25 → z, 26 → ba: array names hold no digits."""
    digits = "abcdefghijklmnopqrstuvwxyz"
    return digits[number] if number < 26 else letters(number // 26) + digits[number % 26]


def _norm(matrices: Mapping[str, Tensor]) -> float:
    return float(torch.stack([matrix.square().sum() for matrix in matrices.values()]).sum().sqrt())
