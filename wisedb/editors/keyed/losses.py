"""What tells that an answer is correct."""

from __future__ import annotations

from torch import Tensor


def logit_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """By how many nats each answer token leads the best other token, ``(N,)``; negative where it isn't the argmax.

    The logits change for a moment, so that no gradient may want them any more.

    Args:
        logits: where each answer token is predicted, ``(N, V)``.
        labels: the answer tokens, ``(N,)``.
    """
    scores = logits.float()
    labels = labels[:, None]
    own = scores.gather(1, labels)
    # In place: a copy of them would take longer than all else here.
    others = scores.scatter_(1, labels, float("-inf")).amax(1)
    scores.scatter_(1, labels, own)
    return own[:, 0] - others
