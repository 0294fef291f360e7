"""Δ_act straight from A(x) and ΔW, to hold against what the gates make of it in parts."""

from __future__ import annotations

import torch

from wisedb.memory.gates.activation import activation, rms, running_squares, token_squares


def delta_activation(hidden: torch.Tensor, delta: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Of whole sequences, float32 (B,), from A(x) (B, T, d_ff) and ΔW (d_ff, d_model)."""
    return activation(hidden @ delta, valid)


def running_activation(hidden: torch.Tensor, delta: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Of every prefix: float32 (B, T), at position t over the valid tokens up to and with t."""
    squares = token_squares(hidden @ delta)[..., None]
    return rms(running_squares(squares, valid))[..., 0]
