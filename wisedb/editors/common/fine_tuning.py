"""The training loop of fine-tuning: Adam on ΔW of one FFN projection, in minibatches over some answers.

FT-L, FT-M, LocFT-BF and FT-EWC are this loop. They differ in what one call of it is given (one edit, a commit's, all),
in what bounds or pulls ΔW, and in the layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from wisedb.editors.common.frozen import Asked, Frozen, Text, asked
from wisedb.editors.common.losses import answer_loss
from wisedb.errors import TrainingFailed

Penalty = Callable[[Tensor], Tensor]
"""Of ΔW (d_ff, d_model): what is added to the loss, a scalar in nats."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long, in which steps.

    Attributes:
        epochs: how often each text is seen, at most.
        minibatch: texts in a step.
        learning_rate: of Adam, in units of the weight.
        enough: in nats: a minibatch whose loss is lower takes no step, and an epoch whose mean is lower is the last.
    """

    epochs: int
    minibatch: int
    learning_rate: float
    enough: float


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """ΔW behind its steps.

    Attributes:
        delta: float32 (d_ff, d_model).
        loss: mean over the last epoch's texts, each before the step of its minibatch, in nats.
    """

    delta: Tensor
    loss: float


def output_unit(weight: Tensor) -> float:
    """How large an entry of ΔW is that can change the projection's output by about its own size.

    An entry of the output is a sum over d_ff terms: W's have any sign and add up to rms(W) · √d_ff · rms(a), those of a
    ΔW whose entries all are e, with signs to match, to e · d_ff · rms(a). The two are equal for e = rms(W) / √d_ff. One
    step of Adam and a bound on |ΔW| are such an e: in this unit they carry over from one width to another.

    Args:
        weight: W_v, (d_ff, d_model).

    Returns:
        rounded to four digits, so that another machine's last bit doesn't change what is trained.
    """
    size = float(weight.detach().float().square().mean().sqrt())
    return float(f"{size / weight.shape[0] ** 0.5:.4g}")


def fit(
    frozen: Frozen,
    texts: Sequence[Text],
    start: Tensor,
    schedule: Schedule,
    *,
    bound: float | None = None,
    penalty: Penalty | None = None,
    chooser: Random | None = None,
) -> Fitted:
    """Minimise −log P of the texts' answers over ΔW; the prompts' tokens have no loss.

    Args:
        frozen: the model below and above ΔW.
        texts: with answers, one at least.
        start: where ΔW begins, float32 (d_ff, d_model).
        schedule: how long.
        bound: after each step no entry of |ΔW| is larger.
        penalty: added to each minibatch's loss.
        chooser: shuffles the texts before each epoch; without one they keep their order.

    Raises:
        TrainingFailed: a value is no longer a number.
    """
    delta = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([delta], lr=schedule.learning_rate)
    order = list(range(len(texts)))
    kept: list[Asked] = []
    loss = torch.inf
    for _ in range(schedule.epochs):
        if chooser is not None:
            chooser.shuffle(order)
        if chooser is not None or not kept:
            kept = [asked([texts[place] for place in some]) for some in _chunks(order, schedule.minibatch)]
        total = 0.0
        for batch in kept:
            said = answers_loss(frozen, batch, delta)
            seen = float(said.detach())
            total += seen * len(batch.ids)
            if seen >= schedule.enough:
                whole = said if penalty is None else said + penalty(delta).to(said.device)
                (delta.grad,) = torch.autograd.grad(whole, [delta])
                optimizer.step()
                if bound is not None:
                    with torch.no_grad():
                        delta.clamp_(-bound, bound)
        loss = total / len(texts)
        if not loss < torch.inf:
            break
        if loss < schedule.enough:
            break
    found = delta.detach()
    if not loss < torch.inf or not bool(torch.isfinite(found).all()):
        raise TrainingFailed(
            "the loss of fine-tuning is no longer a number",
            hint="Lower learning_rate, or load the model in float32.",
        )
    return Fitted(found, loss)


def answers_loss(frozen: Frozen, batch: Asked, delta: Tensor) -> Tensor:
    """−log P(y | x) with ΔW (d_ff, d_model), mean over an answer's tokens, then over the texts; a scalar, in nats."""
    change = batch.features @ delta.to(batch.features.dtype)
    logits = frozen.forward.logits(batch.ids, batch.hidden, change, batch.at)
    return answer_loss(logits, batch.labels.to(logits.device), batch.weights.to(logits.device))


def _chunks(order: Sequence[int], size: int) -> list[Sequence[int]]:
    return [order[start : start + size] for start in range(0, len(order), size)]
