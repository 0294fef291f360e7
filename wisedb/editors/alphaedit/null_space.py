"""The directions in which keys of other text have next to no part (Fang et al. 2025, §3).

P = Û Ûᵀ, Û the eigenvectors of K₀K₀ᵀ whose eigenvalues are next to zero. A change P·ΔW leaves what the projection
gives for the keys K₀ as it was: K₀ᵀ·P ≈ 0. K₀K₀ᵀ and C = E[k kᵀ] have the same eigenvectors.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wisedb.editors.common.covariance import Covariance
from wisedb.errors import TrainingFailed


def null_space(covariance: Covariance, threshold: float, device: torch.device | None = None) -> Tensor:
    """Û, float64 (d_ff, m), orthonormal.

    Args:
        covariance: of the projection's inputs.
        threshold: the largest eigenvalue that counts as zero, in units of their mean.
        device: where Û shall live; C's own if nothing is said.

    Raises:
        TrainingFailed: no eigenvalue is that small.
    """
    moment = covariance.moment.to(device).double()
    values, vectors = torch.linalg.eigh(moment)
    small = values < threshold * values.mean()
    if not bool(small.any()):
        raise TrainingFailed(
            "other text has a part in every direction of this layer's keys", hint="Give a larger threshold."
        )
    found: Tensor = vectors[:, small].contiguous()
    return found
