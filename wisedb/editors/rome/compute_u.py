"""Step 1 of ROME: k*, which finds the subject, and u = C⁻¹k*, which finds little else (Meng et al. 2022, §3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wisedb.editors.common.covariance import Solver


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """Where a fact is looked up.

    Attributes:
        k: float64 (d_ff,), k*, the mean of the projection's inputs at the subject's last token.
        u: float64 (d_ff,), (C + λI)⁻¹k*.
    """

    k: Tensor
    u: Tensor


def compute_u(features: Tensor, lookup: Tensor, solver: Solver) -> Key:
    """k* = 1/N Σ A(x_j + s) over the prompt alone and behind contexts (eq. 3), and u.

    Args:
        features: A(x), (N, T, d_ff), one row a context.
        lookup: int64 (N,), the subject's last token in each row.
        solver: of the projection's second moment.
    """
    k = features[torch.arange(len(lookup), device=lookup.device), lookup].double().mean(dim=0)
    return Key(k, solver.solve(k).to(k))
