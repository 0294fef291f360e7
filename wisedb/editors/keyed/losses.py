"""The losses of WISE (NeurIPS 2024), written as the paper writes them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy, relu


@dataclass(frozen=True, slots=True)
class Margins:
    """α, β and γ, in units of Δ_act."""

    alpha: float
    beta: float
    gamma: float


def routing_loss(edit: Tensor, irrelevant: Tensor, margins: Margins) -> Tensor:
    """L_a = max(0, Δ(x_i) − α) + max(0, β − Δ(x_e)) + max(0, γ − (Δ(x_e) − Δ(x_i))), each term its mean over the batch.

    Args:
        edit: Δ_act of edit prompts x_e, ``(E,)``.
        irrelevant: Δ_act of unrelated prompts x_i, ``(I,)``, possibly empty: the second term is left then.
        margins: α, β, γ.

    Returns:
        A scalar. The third term runs over all pairs.
    """
    high = relu(margins.beta - edit).mean()
    if not len(irrelevant):
        return high
    low = relu(irrelevant - margins.alpha).mean()
    apart = relu(margins.gamma - (edit[:, None] - irrelevant[None, :])).mean()
    return low + high + apart


def memo_loss(replay: Tensor, margins: Margins) -> Tensor:
    """L_memo = max(0, Δ(x_m) − α), its mean over prompts x_m of other shards' edits, ``(M,)``; 0 if there are none."""
    return relu(replay - margins.alpha).mean() if len(replay) else replay.new_zeros(())


def answer_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """−log P(y_e | x_e), the mean over a sequence's answer tokens, then over the sequences.

    Args:
        logits: where each answer token is predicted, ``(N, V)``.
        labels: the answer tokens, ``(N,)``.
        weights: 1 / (tokens of that answer · sequences), ``(N,)``.
    """
    return (cross_entropy(logits.float(), labels, reduction="none") * weights).sum()


def lead(logits: Tensor, labels: Tensor) -> Tensor:
    """By how many nats each answer token leads the best other token, ``(N,)``; negative where it isn't the argmax.

    The logits change for a moment, so that no gradient may want them any more.
    """
    scores = logits.float()
    labels = labels[:, None]
    own = scores.gather(1, labels)
    # In place: a copy of them would take longer than all else here.
    others = scores.scatter_(1, labels, float("-inf")).amax(1)
    scores.scatter_(1, labels, own)
    return own[:, 0] - others
