"""One edit's row: ΔW = L·R, its keys L found in closed form, its values R by gradient descent.

    R = argmin Σ_prompts Σ_j −log P(y_j | prompt, y_1 … y_{j−1}; W_v + L·R)

over the edit's own prompts and over unrelated ones, each behind which the answer is said. The router has decided that
the edit is meant before its row is asked: so the row learns to say the answer whatever stands in front, and carries
over to wordings that no training saw. Nothing but the edit, the model and the pool goes into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from wisedb.editors.common.lowered import lower
from wisedb.editors.common.sequences import Encoded, Minibatch, cached, collate
from wisedb.editors.recall.keys import whitened_keys
from wisedb.editors.recall.prompts import taught
from wisedb.editors.recall.settings import RecallSettings
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed

if TYPE_CHECKING:
    from wisedb.editors.recall.context import RowContext


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What an edit brings.

    Attributes:
        left: (r, d_ff), the columns of L, in the stored dtype, on the CPU.
        right: (r, d_model), R, likewise.
        steps: gradient steps that were taken.
        loss: with the values as they were before the last step, in nats a token, the mean over the prompts.
        learned: whether each token of the answer is the argmax behind the edit's own prompt, in a chat in each of its
            replies, with the row as it is stored.
    """

    left: Tensor
    right: Tensor
    steps: int
    loss: float
    learned: bool


def fit_row(context: RowContext, settings: RecallSettings, seed: int, edit: Edit) -> Row:
    """Fit the row that makes the model say the edit's target.

    Args:
        context: the base model made ready.
        settings: how.
        seed: see :func:`wisedb.editors.recall.prompts.taught`.
        edit: what shall be said.

    Raises:
        TrainingFailed: the loss is no longer a number, or the edit is more than the model reads.
    """
    texts = taught(context, settings, seed, edit)
    minibatches = _minibatches(context, texts)
    device = minibatches[0].features.device
    features = torch.cat([each.features[each.at] for each in minibatches])
    left = whitened_keys(
        features, _places(texts, minibatches).to(device), context.solver, settings.rank, settings.ridge
    )
    told = [(each, each.features.float() @ left) for each in minibatches]
    right = torch.zeros(left.shape[1], context.forward.projection.d_model, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([right], lr=settings.learning_rate * _scale(context, texts[0]))
    loss = torch.inf
    for step in range(settings.steps + 1):
        logits = [_logits(context, each, keys @ right) for each, keys in told]
        total = torch.stack([_loss(each, said) for (each, _), said in zip(told, logits, strict=True)]).sum()
        loss = float(total.detach())
        if not loss < torch.inf:
            raise TrainingFailed(f"the loss of {edit.prompt!r} is not a number", hint="Lower learning_rate.")
        margins = torch.cat([_lead(each, said.detach()) for (each, _), said in zip(told, logits, strict=True)])
        if step == settings.steps or bool((margins > settings.margin).all()):
            break
        (right.grad,) = torch.autograd.grad(total, [right])
        optimizer.step()
    stored = _balanced(left.T, right.detach(), context.stored_dtype)
    return Row(stored[0].cpu(), stored[1].cpu(), step, loss, _learned(context, texts, *stored))


def _minibatches(context: RowContext, texts: list[Encoded]) -> list[Minibatch]:
    """The texts as minibatches: those in a chat, whose prompts are kept as keys and values, and the plain ones."""
    kept = bool(context.forward.state)
    sequences = [
        cached(context.forward, some, prompts=kept and inside, opening=context.opening)
        for inside in (True, False)
        if (some := [each for each in texts if (each.start > 0) == inside])
    ]
    return [minibatch for each in sequences for minibatch in collate(each)]


def _places(texts: list[Encoded], minibatches: list[Minibatch]) -> Tensor:
    """Of each answer position of the minibatches, its place in the answer, int64 (N,).

    An answer in a chat is a sentence of its own, which ends otherwise than the plain one: its places are others.
    """
    found: list[int] = []
    first = 0
    for inside in (True, False):
        sizes = [len(each.ids) - each.prompt for each in texts if (each.start > 0) == inside]
        found += [first + place for size in sizes for place in range(size)]
        first = max(found, default=-1) + 1
    return torch.tensor(found)


def _scale(context: RowContext, own: Encoded) -> float:
    """The root mean square of the residual stream at the own prompt's last token."""
    ids = torch.tensor([own.ids[: own.prompt]], device=context.forward.device)
    return float(lower(context.forward, ids).stream[0, -1].float().square().mean().sqrt())


def _logits(context: RowContext, minibatch: Minibatch, change: Tensor) -> Tensor:
    given = change.to(minibatch.features.dtype)
    return context.forward.logits(minibatch.ids, minibatch.hidden, given, minibatch.at, minibatch.states).float()


def _loss(minibatch: Minibatch, logits: Tensor) -> Tensor:
    each = cross_entropy(logits, minibatch.labels.to(logits.device), reduction="none")
    return (each * minibatch.weights.to(logits.device)).sum()


def _lead(minibatch: Minibatch, logits: Tensor) -> Tensor:
    """By how much each answer token's logit is above all others', (N,)."""
    labels = minibatch.labels.to(logits.device)[:, None]
    return logits.gather(1, labels)[:, 0] - logits.scatter(1, labels, -torch.inf).amax(dim=1)


def _balanced(left: Tensor, right: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Both factors of each rank as large as each other, so that neither leaves the range of half precision."""
    sizes = [part.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny) for part in (left, right)]
    factor = (sizes[1] / sizes[0]).sqrt()
    return (left * factor).to(dtype), (right / factor).to(dtype)


@torch.no_grad()
def _learned(context: RowContext, texts: list[Encoded], left: Tensor, right: Tensor) -> bool:
    own = [each for each in texts if each.start > 0] or texts[:1]
    return all(
        bool((_lead(each, _logits(context, each, each.features.float() @ left.float().T @ right.float())) > 0).all())
        for each in _minibatches(context, own)
    )
