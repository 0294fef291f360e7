"""Deferrals: a scorer that says at which tokens a module defers to a layer trained in its place (Defer)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds.base import Part

_HINT = "Run `wisedb fsck`."
_PARTS = ("scorer", "scorer_bias", "layer", "layer_bias")


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class PlacedDeferral:
    """A deferral where the model computes.

    Attributes:
        scorer: float32 (d_in,).
        scorer_bias: float32 ().
        layer: (d_in, d_out).
        layer_bias: (d_out,).
    """

    scorer: Tensor
    scorer_bias: Tensor
    layer: Tensor
    layer_bias: Tensor

    @property
    def size(self) -> int:
        """Bytes of all four."""
        parts = (self.scorer, self.scorer_bias, self.layer, self.layer_bias)
        return sum(part.numel() * part.element_size() for part in parts)

    def scores(self, inputs: Tensor) -> Tensor:
        """w·x + b, float32: (..., d_in) → (...). The module defers where it is 0 or more, σ(w·x + b) ≥ ½."""
        return inputs.float() @ self.scorer + self.scorer_bias

    def apply(self, inputs: Tensor, output: Tensor, entry: Tensor) -> Tensor:
        """The output, with x·A + c added at the tokens at which the module defers."""
        added = (inputs @ self.layer + self.layer_bias).to(output.dtype)
        return torch.where((self.scores(inputs) >= 0)[..., None], output + added, output)


@dataclass(frozen=True, eq=False)
class Deferral:
    """At a token with input x, a module gives its output + x·A + c where σ(w·x + b) ≥ ½, else its output alone.

    After the baseline "Defer" of Hartvigsen et al., *Aging with GRACE*, §4, a form of Mitchell et al. 2022,
    *Memory-Based Model Editing at Scale*: a gate and a linear layer f(x) that takes the module's place. f is kept as
    its difference to the module's own linear map, f(x) = x·(W + A) + (bias + c), which names the same functions.

    Attributes:
        module: where it stands.
        scorer: float32 (d_in,), w.
        scorer_bias: float32 (1,), b.
        layer: float32 (d_in, d_out), A.
        layer_bias: float32 (d_out,), c.

    Raises:
        CorruptObject: shapes or dtypes that don't belong together, or a value that is not finite.
    """

    kind: ClassVar[str] = "deferral"
    origin: ClassVar[str] = "origin"
    main: ClassVar[str] = "deferral"

    module: str
    scorer: Tensor
    scorer_bias: Tensor
    layer: Tensor
    layer_bias: Tensor

    def __post_init__(self) -> None:
        parts = (self.scorer, self.scorer_bias, self.layer, self.layer_bias)
        fits = self.layer.ndim == 2 and self.scorer_bias.shape == (1,)
        fits = fits and (self.scorer.shape, self.layer_bias.shape) == (self.layer.shape[:1], self.layer.shape[1:])
        if not fits or any(part.dtype != torch.float32 for part in parts):
            raise CorruptObject("the arrays of a deferral don't belong together", hint=_HINT)
        if not all(bool(torch.isfinite(part).all()) for part in parts):
            raise CorruptObject("a value of a deferral is not a finite number", hint=_HINT)

    @classmethod
    def empty(cls, module: str, shape: tuple[int, int]) -> Self:
        """One that changes nothing, for a module of the shape (d_in, d_out)."""
        return cls(module, torch.zeros(shape[0]), torch.zeros(1), torch.zeros(shape), torch.zeros(shape[1]))

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
        """Bytes of all arrays."""
        parts = (self.scorer, self.scorer_bias, self.layer, self.layer_bias)
        return sum(part.numel() * part.element_size() for part in parts)

    def parts(self) -> dict[str, Part]:
        """``origin`` (nothing but where it stands) and ``deferral``."""
        return {self.origin: Part(), self.main: Part({}, {name: getattr(self, name) for name in _PARTS})}

    @classmethod
    def of(cls, modules: tuple[str, ...], parts: Mapping[str, Part]) -> Self:
        """See :class:`wisedb.memory.kinds.base.Change`."""
        tensors = parts[cls.main].tensors if cls.main in parts else {}
        if len(modules) != 1 or set(tensors) != set(_PARTS):
            raise CorruptObject("a deferral has one module, a scorer and a layer, each with a bias", hint=_HINT)
        return cls(modules[0], **tensors)

    def begun(self, origin: Part) -> Self:
        """Itself: nothing of its beginning is drawn."""
        return self

    def shape(self, module: str) -> tuple[int, int]:
        """(d_in, d_out)."""
        return self.layer.shape[0], self.layer.shape[1]

    def place(self, module: str, device: torch.device, dtype: torch.dtype) -> PlacedDeferral:
        """See :class:`wisedb.memory.kinds.base.Change`; the scorer stays in float32, since a sign hangs on it."""
        scorer, bias = self.scorer.to(device), self.scorer_bias.to(device)[0]
        return PlacedDeferral(scorer, bias, self.layer.to(device, dtype), self.layer_bias.to(device, dtype))

    def delta(self, module: str) -> Tensor:
        """There is none.

        Raises:
            CannotBake: always.
        """
        raise CannotBake(
            "a deferral answers at some tokens and not at others, which no weight can say",
            hint="Export the commit as an adapter, which keeps it as it is.",
        )

    def compare(self, other: Self | None) -> Mapping[str, float]:
        """See :class:`wisedb.memory.kinds.base.Change`; over all four arrays."""
        own = self._flat()
        rest = own if other is None else own - other._flat()
        return {"norm": float(own.norm()), "change": float(rest.norm()), "entries": float(own.numel())}

    def _flat(self) -> Tensor:
        return torch.cat([self.scorer, self.scorer_bias, self.layer.reshape(-1), self.layer_bias])
