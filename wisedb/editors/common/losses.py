"""What every editor that trains on answers minimises."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy


def answer_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """−log P(y_e | x_e), the mean over a sequence's answer tokens, then over the sequences (WISE §2.3.1, first term).

    Args:
        logits: where each answer token is predicted, ``(N, V)``.
        labels: the answer tokens, int64 ``(N,)``.
        weights: 1 / (tokens of that answer · sequences), float32 ``(N,)``.

    Returns:
        a scalar, in nats.
    """
    return (cross_entropy(logits.float(), labels, reduction="none") * weights).sum()
