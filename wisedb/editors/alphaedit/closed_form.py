"""The closed form of AlphaEdit (Fang et al. 2025, §3): residuals stored in the null space.

    ΔW = R K₁ᵀ P (K_p K_pᵀ P + K₁ K₁ᵀ P + λI)⁻¹

minimises ‖ΔW P K₁ − R‖² + ‖ΔW P K_p‖² + λ‖ΔW P‖²: K₁ are the keys of the batch, K_p those of the edits before it, which
shall go on saying what they say. With the projected keys A = P·[K_p K₁], in our orientation (d_ff, d_model),

    ΔW = (A Aᵀ + λI)⁻¹ P K₁ Rᵀ = A (AᵀA + λI)⁻¹ [0; Rᵀ]

so that the sum of all changes is A·V, and V (n, d_model) is what a batch changes. A and V are the factors that are
stored: the keys of the edits before are read back from there, as they were when those were written.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.additive import FactoredDelta


def projected_update(
    held: FactoredDelta, keys: Tensor, residuals: Tensor, null_space: Tensor, weight: float
) -> FactoredDelta:
    """The sum of all changes at one layer with one batch more, float32: A (d_ff, n_p + n) and V (n_p + n, d_model).

    Args:
        held: the sum so far, of rank n_p.
        keys: K₁, float64 (d_ff, n).
        residuals: Rᵀ, float64 (n, d_model).
        null_space: Û, float64 (d_ff, m), with P = Û Ûᵀ.
        weight: λ.

    Raises:
        TrainingFailed: a key is no number.
    """
    # Rounded before it is computed with: what is read back from a store is what was used.
    left = torch.cat([held.left, (null_space @ (null_space.T @ keys)).to(held.left)], dim=1)
    projected = left.double()
    gram = projected.T @ projected
    gram.diagonal().add_(weight)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if int(failed):
        raise TrainingFailed("the keys of some edits are no numbers", hint="Choose another layer, or a larger ridge.")
    wanted = torch.cat([residuals.new_zeros(held.right.shape), residuals])
    before = torch.cat([held.right.double(), residuals.new_zeros(residuals.shape)])
    return FactoredDelta(left, (before + torch.cholesky_solve(wanted, factor)).to(held.right))
