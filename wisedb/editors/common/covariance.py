"""The second moment C = E[k kᵀ] of what enters one projection, and vectors through its inverse.

ROME (Meng et al. 2022, eq. 2) and the editors after it weigh a change by how often a key direction is used elsewhere:
C stands for everything else that the projection holds, and C⁻¹k is the direction that finds k and little else. C is
not centred: what counts is the projection's output for keys as they are.

The paper counts 100,000 passages of Wikipedia. Here the texts are the model's own, and few: with fewer tokens than
dimensions C has no inverse, and with not many more its smallest eigenvalues are noise that C⁻¹ would blow up. So
C + λI is inverted. λ comes from the sample itself by the rule of Ledoit and Wolf (2004, "A well-conditioned estimator
for large-dimensional covariance matrices"): the shrinkage towards μI, μ the mean of the diagonal, whose expected
squared error is least. It needs no other data and vanishes as the tokens grow many. Tokens of one text are not
independent, so it errs towards too little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.reference_texts import TOKENS_PER_DIMENSION, reference_texts
from wisedb.editors.resources import Resource, Resources
from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.kinds.base import Part
from wisedb.model.cached_forward import CachedForward
from wisedb.model.tokens import pad_batch

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase

_BATCH = 64
_HINT = "Run `wisedb fsck`."


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """The uncentred second moment of a projection's inputs.

    Attributes:
        moment: float32 (d_ff, d_ff), C = E[k kᵀ], symmetric.
        count: over how many tokens.
        fourth: E[‖k‖⁴], from which the sample says how far it can be trusted.

    Raises:
        CorruptObject: no square float32 matrix, no tokens, or a value that is not finite.
    """

    moment: Tensor
    count: int
    fourth: float

    def __post_init__(self) -> None:
        square = self.moment.ndim == 2 and self.moment.shape[0] == self.moment.shape[1]
        if not square or self.moment.dtype != torch.float32 or self.count < 1:
            raise CorruptObject(
                f"a second moment of {self.moment.dtype} {tuple(self.moment.shape)} over {self.count} tokens",
                hint=_HINT,
            )
        if not bool(torch.isfinite(self.moment).all()) or not 0 <= self.fourth < float("inf"):
            raise CorruptObject("a second moment holds a value that is not a finite number", hint=_HINT)

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name, for a blob: ``moment``, ``count`` int64 (1,), ``fourth`` float64 (1,)."""
        return {
            "moment": self.moment,
            "count": torch.tensor([self.count], dtype=torch.int64),
            "fourth": torch.tensor([self.fourth], dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Covariance:
        """What :meth:`tensors` gave.

        Raises:
            CorruptObject: something is missing or of the wrong kind.
        """
        kinds = {"moment": torch.float32, "count": torch.int64, "fourth": torch.float64}
        whole = tensors.keys() == kinds.keys() and all(tensors[name].dtype == kind for name, kind in kinds.items())
        if not whole or tensors["count"].shape != (1,) or tensors["fourth"].shape != (1,):
            raise CorruptObject(f"these are no second moments: {sorted(tensors)}", hint=_HINT)
        return cls(tensors["moment"], int(tensors["count"]), float(tensors["fourth"]))

    def shrinkage(self) -> float:
        """ρ of (1 − ρ)·C + ρ·μI, from 0 to 1: Ledoit and Wolf 2004, eq. 14, with the mean known to be zero.

        ρ = min(1, β²/δ²), β² = (E‖k‖⁴ − ‖C‖²) / n the squared error of C that the sample shows, δ² = ‖C − μI‖².
        """
        moment = self.moment.double()
        norm = float(moment.square().sum())
        mean = float(moment.diagonal().mean())
        error = max(0.0, self.fourth - norm) / self.count
        distance = max(0.0, norm - len(moment) * mean**2)
        return min(1.0, error / distance) if distance else 1.0

    def solver(self, ridge: float | None = None, device: torch.device | None = None) -> Solver:
        """C + λI, made ready to be divided by.

        Args:
            ridge: λ / μ, μ the mean of C's diagonal; None takes ρ / (1 − ρ), see :meth:`shrinkage`.
            device: where the factor shall live; C's own if nothing is said.

        Raises:
            UsageError: a ridge that is not positive, or too small for numbers of this size.
        """
        if ridge is not None and not ridge > 0:
            raise UsageError(f"{ridge} can't be a ridge", hint="Give a positive number, such as 0.01.")
        if ridge is None:
            share = min(self.shrinkage(), 0.999)
            ridge = max(share / (1 - share), 1e-6)
        damped = self.moment.to(device).double()
        scale = damped.diagonal().mean().clamp(min=torch.finfo(torch.float32).tiny)
        damped.diagonal().add_(ridge * scale)
        factor, failed = torch.linalg.cholesky_ex(damped)
        if int(failed):
            raise UsageError(f"the second moment has no inverse with a ridge of {ridge}", hint="Give a larger ridge.")
        return Solver(factor, ridge)


@dataclass(frozen=True, slots=True, eq=False)
class Solver:
    """Divides by C + λI.

    Attributes:
        factor: float64 (d_ff, d_ff), the lower Cholesky factor of C + λI.
        ridge: λ / μ.
    """

    factor: Tensor
    ridge: float

    def solve(self, keys: Tensor) -> Tensor:
        """(C + λI)⁻¹k: (d_ff,) or (d_ff, n) → float64 of the same shape, on the factor's device."""
        columns = keys.to(self.factor).reshape(len(self.factor), -1)
        return torch.cholesky_solve(columns, self.factor).reshape(keys.shape)


def second_moment(keys: Iterable[Tensor]) -> Covariance:
    """C over batches of keys (n, d_ff), summed in float64.

    Raises:
        UsageError: no keys at all.
    """
    total: Tensor | None = None
    fourth, count = 0.0, 0
    for batch in keys:
        values = batch.double()
        product = values.T @ values
        total = product if total is None else total.add_(product)
        fourth += float(values.square().sum(dim=1).square().sum())
        count += len(values)
    if total is None or not count:
        raise UsageError("a second moment needs texts with tokens", hint="Let `wisedb init` write a pool, or give one.")
    moment = total / count
    # Sums of products are symmetric but for the order in which they are taken.
    return Covariance(((moment + moment.T) / 2).float(), count, fourth / count)


def compute_covariance(forward: CachedForward, sequences: Sequence[Sequence[int]]) -> Covariance:
    """C of the projection's inputs over every token of some texts.

    Args:
        forward: the way through the model; only what lies below the projection runs.
        sequences: token ids (:func:`wisedb.editors.common.reference_texts.reference_texts`); empty ones don't count.

    Raises:
        UsageError: no text has a token.
    """
    return second_moment(_keys(forward, [list(ids) for ids in sequences if ids]))


def _keys(forward: CachedForward, sequences: Sequence[Sequence[int]]) -> Iterator[Tensor]:
    device = next(forward.model.parameters()).device
    for start in range(0, len(sequences), _BATCH):
        ids, mask = pad_batch(sequences[start : start + _BATCH], 0, "right")
        features, _ = forward.prefix(ids.to(device))
        yield features[mask.to(features.device) != 0]


def _make(base: LoadedBase, resources: Resources, module: str) -> Part:
    projection = base.projection(module)
    wanted = TOKENS_PER_DIMENSION * projection.d_ff
    texts = reference_texts(base.model, base.tokenizer, resources.get(POOL).prompts, wanted)
    found = compute_covariance(cached_forward_of(base, projection), texts)
    return Part({"pool": resources.blob(POOL)}, found.tensors())


def _read(part: Part) -> Covariance:
    return Covariance.from_tensors(part.tensors)


COVARIANCE: Final = Resource("covariance", _make, _read)
"""The second moment of a module's inputs over the pool and the model's continuations of it."""
