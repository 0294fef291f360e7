"""The value that makes a model say a target, as a change δ of what one projection gives at the subject's last token.

    δ = argmin 1/N Σ_j −log P(o* | x_j + p; m + δ) + κ · KL(P(· | p') ‖ P(· | p'; m + δ)) + decay

ROME (Meng et al. 2022, eq. 4) and MEMIT (Meng et al. 2023, eq. 16) optimise the same: p is the prompt behind context
x_j, p' the text "{subject} is a", m the projection's output at the subject's last token. δ is added to each row's own
output: so a change of the weight acts, whose part differs between contexts only by their keys. Where what an FFN gives
is added to the residual stream as it is, m + δ and MEMIT's h + δ are one. Sizes are in units of that stream: an FFN's
output alone says little about how large a change must be to be heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from wisedb.editors.common.lowered import Lowered
from wisedb.editors.common.rewrites import Rewrites
from wisedb.errors import TrainingFailed
from wisedb.model.cached_forward import CachedForward


class DeltaSettings(Protocol):
    """How δ is optimised; h is the residual stream at the subject's last token."""

    @property
    def steps(self) -> int:
        """Gradient steps at most."""

    @property
    def learning_rate(self) -> float:
        """Of Adam, in units of the root mean square of h."""

    @property
    def kl_factor(self) -> float:
        """κ."""

    @property
    def weight_decay(self) -> float:
        """Weighs (‖δ‖ / ‖h‖)²."""

    @property
    def clamp(self) -> float:
        """The largest ‖δ‖ / ‖h‖."""

    @property
    def enough(self) -> float:
        """The loss from which on no further step is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Optimised:
    """δ as it was found.

    Attributes:
        delta: float32 (d_model,).
        steps: gradient steps that were taken.
        loss: with δ, in nats.
    """

    delta: Tensor
    steps: int
    loss: float


def optimise_delta(forward: CachedForward, rows: Rewrites, below: Lowered, settings: DeltaSettings) -> Optimised:
    """Optimise δ by Adam from zero, kept within a ball.

    Args:
        forward: the way through the model; δ is added to what its projection gives.
        rows: the edit's rows (:func:`wisedb.editors.common.rewrites.rewrites`).
        below: what lies below the projection for them, earlier edits' part included.
        settings: how.

    Raises:
        TrainingFailed: the loss is no longer a number.
    """
    device = below.outputs.device
    lookup = (torch.arange(len(rows.ids), device=device), rows.lookup.to(device))
    # Of the bare prompt, which is the first row.
    size = float(below.stream[0, lookup[1][0]].float().norm())
    delta = torch.zeros(below.outputs.shape[-1], device=device, requires_grad=True)
    optimizer = torch.optim.Adam([delta], lr=settings.learning_rate * size / len(delta) ** 0.5)
    loss_of = partial(_loss, forward, rows, below, lookup, size, settings)
    usual: Tensor | None = None
    loss = torch.inf
    for step in range(settings.steps + 1):
        total, said = loss_of(delta, usual)
        usual = said if usual is None else usual
        loss = float(total.detach())
        if not loss < torch.inf:
            raise TrainingFailed("the loss of a value is no longer a number", hint="Lower the learning rate.")
        if loss < settings.enough or step == settings.steps:
            break
        (delta.grad,) = torch.autograd.grad(total, [delta])
        optimizer.step()
        with torch.no_grad():
            delta.mul_((settings.clamp * size / delta.norm()).clamp(max=1.0))
    return Optimised(delta.detach(), step, loss)


def _loss(
    forward: CachedForward,
    rows: Rewrites,
    below: Lowered,
    lookup: tuple[Tensor, Tensor],
    size: float,
    settings: DeltaSettings,
    delta: Tensor,
    usual: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    """The loss of δ, and what the model says of the subject, log probabilities (1, V), detached."""
    added = delta.to(below.earlier).expand(len(rows.ids), -1)
    change = below.earlier.index_put(lookup, added, accumulate=True)
    rows_at, columns_at = rows.at
    if rows.essence is not None:
        rows_at = torch.cat([rows_at, rows.essence[0]])
        columns_at = torch.cat([columns_at, rows.essence[1]])
    logits = forward.logits(rows.ids, below.hidden, change, (rows_at, columns_at)).float()
    count = len(rows.labels)
    total = cross_entropy(logits[:count], rows.labels.to(logits.device))
    # Squared: the norm itself has no gradient at zero, where this begins.
    total = total + settings.weight_decay * delta.square().sum().to(total.device) / size**2
    if rows.essence is None:
        return total, None
    said = logits[count:].log_softmax(-1)
    if usual is not None:
        total = total + settings.kl_factor * kl_div(said, usual, log_target=True, reduction="batchmean")
    return total, said.detach()
