"""The closed form of UltraEdit (Gu et al. 2025, §3): one regularised least squares for all tokens of a batch.

    ΔW = (HᵀH + ρI)⁻¹ Hᵀ V,   V_i = −η ‖ĥ_i‖² v̂_i

h_i is the key at token i (row i of H), v_i the gradient by what the layer gives there, and ĥ and v̂ are both, normalised
by the mean and variance of all that was seen so far. One step of gradient descent on a linear layer moves what it gives
for h_i by −η ‖h_i‖² v_i: that is what V stands for. ΔW = Hᵀ (HHᵀ + ρI)⁻¹ V, whose factors are (d_ff, n) and
(n, d_model).
"""

from __future__ import annotations

import torch
from torch import Tensor

from wisedb.editors.ultraedit.features import Features
from wisedb.editors.ultraedit.moments import Moments
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.additive import FactoredDelta


def wanted_shift(features: Features, moments: Moments, learning_rate: float) -> Tensor:
    """V, float64 (n, d_model), in units of the residual stream: −η · rms(x_i) · ‖ĥ_i‖² / d_ff · v̂_i."""
    width = features.keys.shape[1]
    normalised = moments.normalised(torch.cat([features.keys, features.gradients], dim=1))
    keys, gradients = normalised[:, :width], normalised[:, width:]
    scale = learning_rate * features.sizes.double() * keys.square().mean(dim=1)
    return -scale[:, None] * gradients


def shift_update(keys: Tensor, shift: Tensor, weight: float) -> FactoredDelta:
    """ΔW, float32, of as many ranks as there are tokens.

    Args:
        keys: H, (n, d_ff).
        shift: V, float64 (n, d_model).
        weight: ρ.

    Raises:
        TrainingFailed: a key is no number.
    """
    rows = keys.double()
    gram = rows @ rows.T
    gram.diagonal().add_(weight)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if int(failed):
        raise TrainingFailed("the keys of some edits are no numbers", hint="Choose another layer, or a larger ridge.")
    return FactoredDelta(keys.float().T.contiguous(), torch.cholesky_solve(shift, factor).float())
