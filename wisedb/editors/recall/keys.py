"""The keys of a row: directions of A(x) that tell the tokens of its answer apart, and respond to little else.

With K (N × d_ff) what enters the projection at the N positions that predict the answer's tokens, over all prompts that
are trained, C the second moment of what enters it elsewhere, and Y (N × r) what the keys are to say there:

    L = argmin ‖C^½·L‖² + ‖K·L − Y‖² / λ  =  C⁻¹Kᵀ·(K·C⁻¹·Kᵀ + λI)⁻¹·Y

the ridge solution in coordinates in which A(x) is white (ROME's C⁻¹k, Meng et al. 2022, eq. 2, for several keys at
once). Y is 1 at one place of the answer and 0 at all others, a column a place. Where an answer has more places than a
row may have ranks, Y are the r main directions of K·C⁻¹·Kᵀ.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wisedb.editors.common.covariance import Solver


def whitened_keys(features: Tensor, places: Tensor, solver: Solver, rank: int, ridge: float) -> Tensor:
    """L, (d_ff, r), float32, r the number of places or ``rank``, whichever is less.

    Args:
        features: K, (N, d_ff).
        places: int64 (N,), which place of the answer each position predicts, counted from 0.
        solver: divides by C.
        rank: the most columns.
        ridge: λ, as a share of the mean of the diagonal of K·C⁻¹·Kᵀ.
    """
    rows = features.double()
    whitened = solver.solve(rows.T.contiguous())
    gram = rows.to(whitened) @ whitened
    gram = (gram + gram.T) / 2
    count = int(places.max()) + 1
    if count <= rank:
        said = torch.nn.functional.one_hot(places.to(gram.device), count).to(gram)
    else:
        said = torch.linalg.eigh(gram)[1][:, -rank:] * len(gram) ** 0.5
    damped = gram + ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    keys: Tensor = whitened @ torch.linalg.solve(damped, said)
    return keys.float().to(features.device)
