"""Codebooks: keys, what the module gives instead where a key is near, and how near that is (GRACE)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import Tensor

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds.base import Part

_HINT = "Run `wisedb fsck`."


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class PlacedCodebook:
    """A codebook's keys and values where the model computes.

    Attributes:
        keys: float32 (m, d_in).
        radii: float32 (m,).
        values: (m, d_out).
    """

    keys: Tensor
    radii: Tensor
    values: Tensor

    @property
    def size(self) -> int:
        """Bytes of all three."""
        return sum(part.numel() * part.element_size() for part in (self.keys, self.radii, self.values))

    def apply(self, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """The values in the place of the output."""
        return self.values[entry].to(output.dtype).expand_as(output)


@dataclass(frozen=True, eq=False)
class Codebook:
    """n rows, one an edit in the memory's order: a key with a radius, and what the module gives where it answers.

    After Hartvigsen et al., *Aging with GRACE*, §3. For some rows another row's key answers: they are kept, so that an
    edit can be taken out again.

    Attributes:
        module: where it stands; a key is like what enters it, a value like what it gives.
        keys: float32 (n, d_in).
        values: float32 (n, d_out), in the place of what the module gives.
        radii: float32 (n,), the distance up to which a key answers, ε.
        owners: int64 (n,), the row that answers for each row: itself, or an earlier one.
        answering: int64 (m,), the rows that answer, m ≤ n.

    Raises:
        CorruptObject: shapes or dtypes that don't belong together, or a value that is not finite.
    """

    kind: ClassVar[str] = "codebook"
    origin: ClassVar[str] = "origin"
    main: ClassVar[str] = "codebook"

    module: str
    keys: Tensor
    values: Tensor
    radii: Tensor
    owners: Tensor
    answering: Tensor = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.keys)
        fits = self.keys.ndim == 2 and self.values.ndim == 2 and len(self.values) == n
        fits = fits and self.radii.shape == (n,) and self.owners.shape == (n,)
        parts = (self.keys, self.values, self.radii)
        if not fits or self.owners.dtype != torch.int64 or any(part.dtype != torch.float32 for part in parts):
            raise CorruptObject("the arrays of a codebook don't belong together", hint=_HINT)
        if not all(bool(torch.isfinite(part).all()) for part in parts) or bool((self.radii < 0).any()):
            raise CorruptObject("a value of a codebook is not a finite number, or a radius is negative", hint=_HINT)
        known = (self.owners >= 0) & (self.owners <= torch.arange(n))
        if not bool(known.all()) or not bool((self.owners[self.owners] == self.owners).all()):
            raise CorruptObject("a row of a codebook names a row that doesn't answer", hint=_HINT)
        # Found once: a compiler can't count them while a model computes.
        object.__setattr__(self, "answering", torch.nonzero(self.owners == torch.arange(n))[:, 0])

    @classmethod
    def empty(cls, module: str, shape: tuple[int, int]) -> Self:
        """A codebook without keys for a module of the shape (d_in, d_out)."""
        owners = torch.zeros(0, dtype=torch.int64)
        return cls(module, torch.zeros(0, shape[0]), torch.zeros(0, shape[1]), torch.zeros(0), owners)

    @property
    def modules(self) -> tuple[str, ...]:
        """The one module."""
        return (self.module,)

    @property
    def entries(self) -> int:
        """m, how many keys answer."""
        return len(self.answering)

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(part.numel() * part.element_size() for part in (self.keys, self.values, self.radii, self.owners))

    def parts(self) -> dict[str, Part]:
        """``origin`` (nothing but where it stands) and ``codebook``."""
        tensors = {"keys": self.keys, "values": self.values, "radii": self.radii, "owners": self.owners}
        return {self.origin: Part(), self.main: Part({}, tensors)}

    @classmethod
    def of(cls, modules: tuple[str, ...], parts: Mapping[str, Part]) -> Self:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        tensors = parts[cls.main].tensors if cls.main in parts else {}
        if len(modules) != 1 or set(tensors) != {"keys", "values", "radii", "owners"}:
            raise CorruptObject("a codebook has one module, keys, values, radii and owners", hint=_HINT)
        return cls(modules[0], **tensors)

    def begun(self, origin: Part) -> Self:
        """Itself: nothing of its beginning is drawn."""
        return self

    def shape(self, module: str) -> tuple[int, int]:
        """(d_in, d_out)."""
        return self.keys.shape[1], self.values.shape[1]

    def place(self, module: str, device: torch.device, dtype: torch.dtype) -> PlacedCodebook:
        """See :class:`wisedb.memory.kinds.base.Change`; keys and radii stay in float32, distances are compared."""
        rows = self.answering
        keys, radii, values = self.keys[rows], self.radii[rows], self.values[rows]
        return PlacedCodebook(keys.to(device), radii.to(device), values.to(device, dtype))

    def delta(self, module: str) -> Tensor:
        """There is none.

        Raises:
            CannotBake: always.
        """
        raise CannotBake(
            "a codebook answers by distance, which no weight can say",
            hint="Export the commit as an adapter, which keeps it as it is.",
        )

    def compare(self, other: Self | None) -> Mapping[str, float]:
        """See :class:`wisedb.memory.kinds.base.Change`; a row counts as changed where the other has no such row."""
        own = torch.cat([self.keys, self.values], dim=1)
        there = own[:0] if other is None else torch.cat([other.keys, other.values], dim=1)
        differing = torch.cat([_missing(own, there), _missing(there, own)])[:, self.keys.shape[1] :]
        return {
            "norm": float(self.values.norm()),
            "change": float(differing.norm()),
            "entries": float(self.values.numel()),
        }


def _missing(rows: Tensor, there: Tensor) -> Tensor:
    """Those of some rows that others don't have."""
    known = {row.numpy().tobytes() for row in there}
    return rows[[row.numpy().tobytes() not in known for row in rows]] if len(rows) else rows
