"""The diagonal of the Fisher information over some edits (Kirkpatrick et al. 2017, §2.1).

    F_i = 1/N Σ_n (∂ log P(y_n | x_n) / ∂ΔW_i)²

The empirical one: y_n is what the edit says, as in the public code of the FT-EWC baseline (Hartvigsen et al. 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from wisedb.editors.common.frozen import Frozen, Text, asked

_TOGETHER = 16


def fisher(frozen: Frozen, texts: Sequence[Text], delta: Tensor) -> Tensor:
    """F at ΔW: float32 (d_ff, d_model), in 1 / weight².

    Args:
        frozen: the model below and above ΔW.
        texts: with answers, one at least.
        delta: ΔW, float32 (d_ff, d_model).
    """
    total = torch.zeros_like(delta)
    for start in range(0, len(texts), _TOGETHER):
        batch = asked(texts[start : start + _TOGETHER])
        change = (batch.features @ delta.to(batch.features.dtype)).requires_grad_()
        logits = frozen.forward.logits(batch.ids, batch.hidden, change, batch.at)
        log_likelihood = -cross_entropy(logits.float(), batch.labels.to(logits.device), reduction="sum")
        # One text's answer doesn't depend on another's change, so that one gradient holds each text's own.
        (by_text,) = torch.autograd.grad(log_likelihood, [change])
        for inputs, outputs in zip(batch.features, by_text, strict=True):
            total += (inputs.float().T @ outputs.float()).square()
    return total / len(texts)
