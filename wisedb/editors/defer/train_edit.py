"""One edit, trained into the scorer and the layer that the earlier edits left.

    z̃ = z + g(x)·(x·A + c),   g(x) = σ(w·x + b)
    L = −log P(y_e | x_e; z̃) + mean over unrelated tokens of −log(1 − g(x))

x is what enters the projection at a token and z what leaves it. While an edit is trained g mixes, as in the public code
of the baseline; where the model is asked, the layer answers at the tokens with g ≥ ½
(:mod:`wisedb.memory.kinds.deferral`). The second term teaches the scorer what is out of scope, as SERAC does (Mitchell
et al. 2022, "Memory-Based Model Editing at Scale"): the baseline has none, and neither has this without ``quiet``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from wisedb.editors.common.lowered import lower
from wisedb.editors.common.rewrites import rewrites
from wisedb.editors.defer.settings import DeferSettings
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.deferral import Deferral
from wisedb.model.cached_forward import CachedForward

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A deferral with one more edit.

    Attributes:
        change: float32 on the CPU.
        steps: gradient steps that were taken.
        loss: −log P of the answer, in nats a token, where g mixes.
    """

    change: Deferral
    steps: int
    loss: float


def train_edit(
    forward: CachedForward,
    tokenizer: PreTrainedTokenizerBase,
    start: Deferral,
    edit: Edit,
    settings: DeferSettings,
    unrelated: Tensor,
) -> Trained:
    """Go on from a deferral with a fresh optimiser; nothing is drawn.

    Args:
        forward: the way through the model; its projection is the one that defers.
        tokenizer: the model's tokenizer.
        start: what the earlier edits left.
        edit: what shall be said.
        settings: how.
        unrelated: A(x) of tokens at which the scorer shall say no, (n, d_ff); none by default.

    Raises:
        TrainingFailed: the loss is no longer a number.
    """
    device = next(forward.model.parameters()).device
    rows = rewrites(tokenizer, edit, end=settings.end, at_subject=False, device=device)
    below = lower(forward, rows.ids)
    last = int(rows.lookup[0])
    features = below.features.float()
    size = float(below.stream[0, last].float().square().mean().sqrt())
    # One step of Adam moves each entry by the rate, and a sum over the input by as much as its entries add up to.
    reach = float(features[0, last].abs().sum()) + 1.0
    parts = (start.scorer, start.scorer_bias, start.layer, start.layer_bias)
    scorer, scorer_bias, layer, layer_bias = values = [
        part.to(features.device, copy=True).requires_grad_() for part in parts
    ]
    optimizer = torch.optim.Adam(
        [
            {"params": [scorer, scorer_bias], "lr": settings.scorer_rate / reach},
            {"params": [layer, layer_bias], "lr": settings.learning_rate * size / reach},
        ]
    )
    loss = torch.inf
    for step in range(settings.steps + 1):
        share = torch.sigmoid(features @ scorer + scorer_bias)[..., None]
        change = below.earlier + (share * (features @ layer + layer_bias)).to(below.earlier)
        logits = forward.logits(rows.ids, below.hidden, change, rows.at)
        each = cross_entropy(logits.float(), rows.labels.to(logits.device), reduction="none")
        total = each.mean()
        loss = float(total.detach())
        if len(unrelated):
            total = total + softplus(unrelated @ scorer + scorer_bias).mean().to(total.device)
        if not float(total.detach()) < torch.inf:
            raise TrainingFailed(f"the loss of {edit.prompt!r} is no longer a number", hint="Lower the learning rates.")
        if float(each.detach().amax()) <= settings.enough or step == settings.steps:
            break
        for value, gradient in zip(values, torch.autograd.grad(total, values), strict=True):
            value.grad = gradient
        optimizer.step()
    found = [value.detach().cpu() for value in values]
    return Trained(Deferral(start.module, *found), step, loss)
