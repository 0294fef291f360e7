"""Step 2 of ROME: v*, the value that makes the model say the target (Meng et al. 2022, §3.1, eq. 4).

    v* = argmin_z 1/N Σ_j −log P(o* | x_j + p; m_i := z) + κ · KL(P(· | p') ‖ P(· | p'; m_i := z)) + decay

p is the prompt behind context x_j, p' the text "{subject} is a", and m_i the projection's output at the subject's
last token. z = W·k* + δ, and δ is what is optimised. It is added to each row's own output: so an edit of rank one
acts, whose part differs between contexts only by their keys. Sizes are in units of the residual stream: an FFN's
output alone says little about how large a change must be to be heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from wisedb.editors.common.lowered import Lowered, project
from wisedb.editors.common.rewrites import Rewrites
from wisedb.editors.rome.compute_u import Key
from wisedb.editors.rome.settings import RomeSettings
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.cached_forward import CachedForward
from wisedb.model.locate import Projection


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What is stored for k*, and what shall be; the projection's bias is in both.

    Attributes:
        before: float64 (d_model,), W·k* with the earlier edits in W.
        after: float64 (d_model,), v*.
        steps: gradient steps that were taken.
        loss: with v*, in nats.
    """

    before: Tensor
    after: Tensor
    steps: int
    loss: float


def compute_v(
    forward: CachedForward,
    rows: Rewrites,
    below: Lowered,
    key: Key,
    settings: RomeSettings,
    applied: FactoredDelta | None = None,
) -> Value:
    """Optimise v* by Adam, kept within a ball around W·k*.

    Args:
        forward: the way through the model.
        rows: the edit's rows (:func:`wisedb.editors.common.rewrites.rewrites`).
        below: what lies below the projection for them, the earlier edits' part included.
        key: where the fact is looked up.
        settings: how.
        applied: the earlier edits' ΔW, the same that ``below`` was made with.

    Raises:
        TrainingFailed: the loss is no longer a number.
    """
    before = stored(forward.projection, key.k, applied)
    device = below.outputs.device
    lookup = (torch.arange(len(rows.ids), device=device), rows.lookup.to(device))
    # Of the bare prompt, which is the first row.
    size = float(below.stream[0, lookup[1][0]].float().norm())
    delta = torch.zeros(len(before), device=device, requires_grad=True)
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
    return Value(before, before + delta.detach().to(before), step, loss)


def stored(projection: Projection, key: Tensor, applied: FactoredDelta | None) -> Tensor:
    """W·k and the bias, the earlier edits in W: (d_ff,) → (d_model,), in the dtype of the key."""
    plain = project(projection, key)
    return plain if applied is None else plain + applied.product(key)


def _loss(
    forward: CachedForward,
    rows: Rewrites,
    below: Lowered,
    lookup: tuple[Tensor, Tensor],
    size: float,
    settings: RomeSettings,
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
