"""The closed form of MEMIT (Meng et al. 2023, §4.2, eq. 14): residuals R stored under keys K beside what is held.

    ΔW = R Kᵀ (λC + K Kᵀ)⁻¹

minimises ‖(W + ΔW)K − (WK + R)‖² + λ E‖ΔW k‖² over keys k as other text has them. In our orientation ΔW is (d_ff,
d_model), and its factors are (λC + K Kᵀ)⁻¹K = C⁻¹K (λI + KᵀC⁻¹K)⁻¹, (d_ff, n), and Rᵀ, (n, d_model): one rank an edit,
and the only system to be solved is as large as the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wisedb.editors.common.covariance import Solver
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.additive import FactoredDelta


def spread_update(keys: Tensor, residuals: Tensor, solver: Solver, weight: float) -> FactoredDelta:
    """ΔW of one batch at one layer, float32.

    Args:
        keys: K, float64 (d_ff, n).
        residuals: Rᵀ, float64 (n, d_model).
        solver: divides by C.
        weight: λ, how many keys as other text has them C stands for.

    Raises:
        TrainingFailed: a key is no number.
    """
    solved = solver.solve(keys).to(keys)
    inner = keys.T @ solved
    inner = (inner + inner.T) / 2
    inner.diagonal().add_(weight)
    # C⁻¹ is positive definite, and so is what is solved here for any λ above 0.
    factor, failed = torch.linalg.cholesky_ex(inner)
    if int(failed):
        raise TrainingFailed("the keys of some edits are no numbers", hint="Choose another layer.")
    left = torch.cholesky_solve(solved.T, factor).T
    return FactoredDelta(left.float().contiguous(), residuals.float())
