"""Linear maps after which a cosine means something."""

from __future__ import annotations

import torch

# Above this width float64 takes too long for what it gives.
_EXACT_WIDTH = 2048


def white(centred: torch.Tensor, shrinkage: float) -> torch.Tensor:
    """(C + λ·mean(diag C)·I)^(−1/2), symmetric, C the covariance of ``centred`` (n, d): float32 (d, d)."""
    values = _exact(centred)
    covariance = values.T @ values / max(1, len(values))
    scale = covariance.diagonal().mean().clamp(min=torch.finfo(torch.float32).tiny)
    covariance.diagonal().add_(shrinkage * scale)
    roots, vectors = torch.linalg.eigh(covariance)
    found: torch.Tensor = (vectors * roots.clamp(min=shrinkage * scale * 0.5).rsqrt()) @ vectors.T
    return found.float()


def main_directions(spread: torch.Tensor, count: int) -> torch.Tensor:
    """The ``count`` directions (d, count) of largest variance of ``spread`` (n, d)."""
    values = _exact(spread)
    vectors: torch.Tensor = torch.linalg.eigh(values.T @ values)[1]
    return vectors[:, -count:].float()


def halves_alike(centred: torch.Tensor) -> torch.Tensor:
    """Factors (d,) after which both halves of the columns of ``centred`` (n, d) vary alike on average."""
    halves = [part.std(dim=0).mean().clamp(min=1e-12) for part in centred.chunk(2, dim=1)]
    return torch.cat([(1 / half).expand(centred.shape[1] // 2) for half in halves])


def _exact(values: torch.Tensor) -> torch.Tensor:
    return values.to(torch.float64 if values.shape[1] <= _EXACT_WIDTH else torch.float32)
