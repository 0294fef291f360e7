"""Low-rank rows: of each edit a ΔW = L·R of its own at one module, of which the one answers that a gate names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, Self

import torch
from torch import Tensor

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds.base import Part

_HINT = "Run `wisedb fsck`."
# Tokens whose rows are picked at once: each brings factors of its own.
_TOGETHER = 256


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class PlacedRows:
    """The rows where the model computes, each filled up with zeros to the largest rank, r.

    Attributes:
        left: (n, r, d_in).
        right: (n, r, d_out).
    """

    left: Tensor
    right: Tensor

    @property
    def size(self) -> int:
        """Bytes of both."""
        return sum(part.numel() * part.element_size() for part in (self.left, self.right))

    def apply(self, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """The output with A(x)·L·R of one row added: one a sequence, (B, 1), or one a token, (B, T)."""
        if entry.shape[-1] == 1:
            row = entry[:, 0]
            return output + (inputs @ self.left[row].mT @ self.right[row]).to(output.dtype)
        added = [
            torch.einsum("btr,btro->bto", torch.einsum("bti,btri->btr", some, self.left[row]), self.right[row])
            for some, row in zip(inputs.split(_TOGETHER, dim=1), entry.split(_TOGETHER, dim=1), strict=True)
        ]
        return output + torch.cat(added, dim=1).to(output.dtype)


@dataclass(frozen=True, eq=False)
class LowRankRows:
    """n rows, one an edit in the memory's order: ΔW_i = L_i·R_i of rank r_i.

    No row depends on another: rows that are added, taken out or put together with those of another memory stay what
    they are, to the bit.

    Attributes:
        module: where it stands.
        left: (Σ r_i, d_in), the columns of all L_i, row by row.
        right: (Σ r_i, d_out), the rows of all R_i.
        ranks: int64 (n,), r_i, 1 at least.

    Raises:
        CorruptObject: factors that don't belong together, or a value that is not finite.
    """

    kind: ClassVar[str] = "low_rank_rows"
    origin: ClassVar[str] = "origin"
    main: ClassVar[str] = "rows"

    module: str
    left: Tensor
    right: Tensor
    ranks: Tensor

    def __post_init__(self) -> None:
        shaped = self.left.ndim == self.right.ndim == 2 and self.ranks.ndim == 1
        if not shaped or self.ranks.dtype != torch.int64 or bool((self.ranks < 1).any()):
            raise CorruptObject("the arrays of low-rank rows don't belong together", hint=_HINT)
        whole = len(self.left) == len(self.right) == int(self.ranks.sum())
        if not whole or self.left.dtype != self.right.dtype or not self.left.is_floating_point():
            raise CorruptObject("the arrays of low-rank rows don't belong together", hint=_HINT)
        if not all(bool(torch.isfinite(part).all()) for part in (self.left, self.right)):
            raise CorruptObject("a low-rank row holds a value that is not a finite number", hint=_HINT)

    @classmethod
    def empty(cls, module: str, shape: tuple[int, int], dtype: torch.dtype = torch.float32) -> Self:
        """No rows, for a module of the shape (d_in, d_out)."""
        none = torch.zeros(0, dtype=torch.int64)
        return cls(module, torch.zeros(0, shape[0], dtype=dtype), torch.zeros(0, shape[1], dtype=dtype), none)

    def plus(self, rows: Sequence[tuple[Tensor, Tensor]]) -> Self:
        """The same with more rows behind the others, of each the columns of L, (r, d_in), and R, (r, d_out)."""
        ranks = torch.cat([self.ranks, self.ranks.new_tensor([len(left) for left, _ in rows])])
        lefts = torch.cat([self.left, *(left.to(self.left) for left, _ in rows)])
        rights = torch.cat([self.right, *(right.to(self.right) for _, right in rows)])
        return type(self)(self.module, lefts, rights, ranks)

    def only(self, rows: Sequence[int]) -> Self:
        """Some of the rows, in the order that is given."""
        starts = list(accumulate(self.ranks.tolist(), initial=0))
        kept = [place for row in rows for place in range(starts[row], starts[row + 1])]
        return type(self)(self.module, self.left[kept], self.right[kept], self.ranks[list(rows)])

    @property
    def modules(self) -> tuple[str, ...]:
        """The one module."""
        return (self.module,)

    @property
    def entries(self) -> int:
        """n, a row an edit."""
        return len(self.ranks)

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(part.numel() * part.element_size() for part in (self.left, self.right, self.ranks))

    def parts(self) -> dict[str, Part]:
        """``origin`` (nothing but where it stands) and ``rows``."""
        tensors = {"left": self.left.contiguous(), "right": self.right.contiguous(), "ranks": self.ranks}
        return {self.origin: Part(), self.main: Part({}, tensors)}

    @classmethod
    def of(cls, modules: tuple[str, ...], parts: Mapping[str, Part]) -> Self:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        tensors = parts[cls.main].tensors if cls.main in parts else {}
        if len(modules) != 1 or set(tensors) != {"left", "right", "ranks"}:
            raise CorruptObject("low-rank rows have one module, left, right and ranks", hint=_HINT)
        return cls(modules[0], **tensors)

    def begun(self, origin: Part) -> Self:
        """Itself: nothing of its beginning is drawn."""
        return self

    def shape(self, module: str) -> tuple[int, int]:
        """(d_in, d_out)."""
        return self.left.shape[1], self.right.shape[1]

    def place(self, module: str, device: torch.device, dtype: torch.dtype) -> PlacedRows:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        width = int(self.ranks.max()) if len(self.ranks) else 0
        there = torch.arange(width) < self.ranks[:, None]

        def filled(factors: Tensor) -> Tensor:
            placed = factors.new_zeros(len(self.ranks), width, factors.shape[1])
            placed[there] = factors
            return placed.to(device, dtype)

        return PlacedRows(filled(self.left), filled(self.right))

    def delta(self, module: str) -> Tensor:
        """There is none.

        Raises:
            CannotBake: always.
        """
        raise CannotBake(
            "each edit's row answers where its own prompt is meant, which no weight can say",
            hint="Export the commit as an adapter, which keeps it as it is.",
        )

    def compare(self, other: Self | None) -> Mapping[str, float]:
        """See :class:`wisedb.memory.kinds.base.Change`; the norms of all ΔW_i together, a row as a whole."""
        own = self._squares()
        there = {} if other is None else other._squares()
        differing = [square for key, square in own.items() if key not in there]
        differing += [square for key, square in there.items() if key not in own]
        entries = self.ranks.sum() * sum(self.shape(self.module))
        return {"norm": sum(own.values()) ** 0.5, "change": sum(differing) ** 0.5, "entries": float(entries)}

    def _squares(self) -> dict[bytes, float]:
        # ‖ΔW_i‖² of every row, by what it is made of.
        sizes = self.ranks.tolist()
        found: dict[bytes, float] = {}
        for left, right in zip(self.left.split(sizes), self.right.split(sizes), strict=True):
            row = torch.cat([left, right], dim=1).contiguous()
            square = ((left.float() @ left.float().T) * (right.float() @ right.float().T)).sum()
            found[row.view(torch.uint8).numpy().tobytes()] = float(square)
        return found
