"""How strongly a prompt activates a side memory.

By the equation of Δ_act in WISE, §2.3.1:

    Δ_act(x) = ‖ A(x) · (W_v' − W_v) ‖₂

A(x) is the input of the value projection (tokens × d_ff). The norm is that of the whole matrix (tokens × d_model) over
the root of the number of tokens, so that long and short prompts are on one scale: the root mean square of the tokens'
own norms. The few tokens that tell a prompt from its neighbours are meant to count for more than in a plain mean.
Squares and sums are float32 whatever the model is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch


class RunningSquares(NamedTuple):
    """What has been seen so far of each sequence.

    Attributes:
        sums: float32 (B, n), or (B, T, n) at every position: the squared norms added up, one sum a memory.
        counts: float32 (B,), or (B, T): how many tokens that were.
    """

    sums: torch.Tensor
    counts: torch.Tensor


def activation(added: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Δ_act of whole sequences from A(x)·ΔW; differentiable, also where ΔW is zero.

    Args:
        added: A(x)·ΔW, (B, T, d_model).
        valid: bool (B, T), True at the tokens that count.

    Returns:
        float32 (B,); 0 for a row in which no token counts.
    """
    counted = torch.where(valid[..., None], added, 0.0)
    norms: torch.Tensor = torch.linalg.vector_norm(counted, dim=(1, 2), dtype=torch.float32)
    return norms / valid.sum(dim=1).clamp(min=1).sqrt()


def token_squares(added: torch.Tensor) -> torch.Tensor:
    """‖·‖₂² of each token's vector: (..., d_model) → float32 (...)."""
    return added.float().square().sum(dim=-1)


def running_squares(squares: torch.Tensor, valid: torch.Tensor, before: RunningSquares | None = None) -> RunningSquares:
    """Running sums and counts along the sequence, continued from ``before``.

    Args:
        squares: float32 (B, T, n), one squared norm a token and memory.
        valid: bool (B, T).
        before: sums (B, n) and counts (B,) of the tokens before the first one here.

    Returns:
        sums float32 (B, T, n) and counts float32 (B, T).
    """
    sums = torch.where(valid[..., None], squares, 0.0).cumsum(dim=1)
    counts = valid.float().cumsum(dim=1)
    if before is None:
        return RunningSquares(sums, counts)
    return RunningSquares(sums + before.sums[:, None], counts + before.counts[:, None])


def rms(seen: RunningSquares) -> torch.Tensor:
    """The activations (B, T, n) behind running sums and counts; 0 where nothing was seen."""
    return (seen.sums / seen.counts.clamp(min=1.0)[..., None]).sqrt()
