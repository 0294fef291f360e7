"""Steps that reach what is learned and little else: ΔW in coordinates in which A(x) is white."""

from __future__ import annotations

import torch
from torch import Tensor

from wisedb.editors.common.subspace import Subspace

# λ as a share of the mean variance: more where few tokens tell little of many directions, so that what was not seen
# isn't taken for free space. Set by hand.
_RIDGE, _LEAST = 0.1, 0.01
# Rows of A(x) that are looked at, at most: the eigenvectors of so many take a second on one core.
_ROWS = 2048


class Preconditioner:
    """The root of the inverse covariance of A(x), R = (C + λI)^(−½), scaled so that a white C leaves all as it is.

    Entries of A(x) differ in size by orders of magnitude, and a few large ones are shared by all prompts. A step along
    the gradient of ΔW moves these first, and with them what every other prompt says. With ΔW = R·Θ and steps on Θ each
    direction of A(x) counts alike: the input side of K-FAC (Martens & Grosse, ICML 2015).

    Args:
        features: A(x) of tokens, ``(N, d_ff)``, one at least.
    """

    def __init__(self, features: Tensor) -> None:
        some = features[:: -(-len(features) // _ROWS)].float()
        width = some.shape[1]
        ridge = max(_LEAST, _RIDGE * width / len(some))
        variance = some.square().mean().clamp_min(torch.finfo(torch.float32).tiny)
        if width <= len(some):
            levels, basis = torch.linalg.eigh(some.T @ some / (len(some) * variance))
        else:
            # Fewer tokens than directions: what none of them touches has no variance but the ridge.
            levels, tokens = torch.linalg.eigh(some @ some.T / (len(some) * variance))
            basis = some.T @ tokens
            basis = basis / basis.norm(dim=0).clamp_min(torch.finfo(torch.float32).tiny)
        scale = (levels.clamp_min(0) + ridge).rsqrt()
        self._rest: float = ridge**-0.5
        self._basis, self._scale = basis, scale - self._rest
        self._root = (basis * scale) @ basis.T if width <= len(some) else None

    def __call__(self, theta: Tensor) -> Tensor:
        """R·Θ, ``(d_ff, d_model)``."""
        if self._root is not None:
            return torch.mm(self._root, theta)
        return torch.addmm(theta, self._basis, self._scale[:, None] * (self._basis.T @ theta), beta=self._rest)


class PreconditionedDelta:
    """A shard's values while they are trained: where they began plus R·Θ, under the mask and within bounds.

    Args:
        subspace: the shard's entries.
        values: where they begin, ``(entries,)``, float32.
        bound: the largest ΔW may get.
        features: A(x) of the tokens that are trained on, ``(N, d_ff)``.

    Attributes:
        parameter: Θ, ``(d_ff, d_model)``, float32: what the optimiser steps on.
    """

    def __init__(self, subspace: Subspace, values: Tensor, bound: float, features: Tensor) -> None:
        self._subspace = subspace
        self._bound = bound
        self._begin = values
        self._preconditioner = Preconditioner(features)
        self.parameter = torch.zeros(subspace.shape, device=values.device, requires_grad=True)

    def values(self) -> Tensor:
        """``(entries,)``; gradients flow back to :attr:`parameter`."""
        change = self._subspace.values(self._preconditioner(self.parameter))
        return (self._begin + change).clamp(-self._bound, self._bound)

    def matrix(self) -> Tensor:
        """ΔW, ``(d_ff, d_model)``; gradients flow back to :attr:`parameter`."""
        return self._subspace.delta(self.values())
