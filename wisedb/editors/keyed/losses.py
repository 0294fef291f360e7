"""What an edit batch's steps minimise, and what tells that an answer is correct."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy


def answer_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """−log P(y_e | x_e), the mean over a sequence's answer tokens, then over the sequences (WISE §2.3.1, first term).

    Args:
        logits: where each answer token is predicted, ``(N, V)``.
        labels: the answer tokens, ``(N,)``.
        weights: 1 / (tokens of that answer · sequences), ``(N,)``.

    Returns:
        a scalar, in nats.
    """
    return (cross_entropy(logits.float(), labels, reduction="none") * weights).sum()


def logit_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """By how many nats each answer token leads the best other token, ``(N,)``; negative where it isn't the argmax.

    The logits change for a moment, so that no gradient may want them any more.

    Args:
        logits: as in :func:`answer_loss`.
        labels: the answer tokens, ``(N,)``.
    """
    scores = logits.float()
    labels = labels[:, None]
    own = scores.gather(1, labels)
    # In place: a copy of them would take longer than all else here.
    others = scores.scatter_(1, labels, float("-inf")).amax(1)
    scores.scatter_(1, labels, own)
    return own[:, 0] - others
