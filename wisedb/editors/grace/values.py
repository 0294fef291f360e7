"""The key and the value of one edit (Hartvigsen et al. 2023, §3.2).

The key is what enters the projection at the prompt's last token. The value replaces what leaves it there and at every
token of the answer, and is trained by gradient descent on the answer's likelihood alone. The paper begins at random
numbers ("cold"); here it begins at the projection's own output ("warm"), so that nothing is drawn. Neither depends on
the codebook: an edit's key and value are a function of the model, the earlier changes of the projection and the edit,
and the codebook can be folded over them in any selection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from wisedb.editors.common.lowered import lower
from wisedb.editors.common.rewrites import rewrites
from wisedb.editors.grace.settings import GraceSettings
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.cached_forward import CachedForward

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What an edit brings to the codebook.

    Attributes:
        key: float32 (d_ff,), A(x) at the prompt's last token.
        value: float32 (d_model,), what replaces the projection's output.
        steps: gradient steps that were taken.
        loss: −log P of the answer, in nats a token, with this value.
    """

    key: Tensor
    value: Tensor
    steps: int
    loss: float


def train_value(
    forward: CachedForward,
    tokenizer: PreTrainedTokenizerBase,
    edit: Edit,
    settings: GraceSettings,
    applied: FactoredDelta | None = None,
) -> Trained:
    """Train the value that makes the model say the edit's target.

    Args:
        forward: the way through the model; its projection is the layer that is wrapped.
        tokenizer: the model's tokenizer.
        edit: what shall be said.
        settings: how.
        applied: changes of the same projection that are always on.

    Raises:
        TrainingFailed: the loss is no longer a number.
    """
    device = next(forward.model.parameters()).device
    rows = rewrites(tokenizer, edit, end=settings.end, at_subject=False, device=device)
    below = lower(forward, rows.ids, applied)
    last = int(rows.lookup[0])
    positions = torch.arange(rows.ids.shape[1], device=below.outputs.device)
    answered = (positions >= last)[None, :, None]
    size = float(below.stream[0, last].float().square().mean().sqrt())
    value = below.outputs[0, last].float().clone().requires_grad_()
    optimizer = torch.optim.Adam([value], lr=settings.learning_rate * size)
    loss = torch.inf
    for step in range(settings.steps + 1):
        added = torch.where(answered, value.to(below.outputs) - below.outputs, 0.0)
        logits = forward.logits(rows.ids, below.hidden, below.earlier + added, rows.at)
        each = cross_entropy(logits.float(), rows.labels.to(logits.device), reduction="none")
        total = each.mean()
        loss = float(total.detach())
        if not loss < torch.inf:
            raise TrainingFailed(f"the loss of {edit.prompt!r} is no longer a number", hint="Lower the learning rate.")
        if float(each.detach().amax()) <= settings.enough or step == settings.steps:
            break
        (value.grad,) = torch.autograd.grad(total, [value])
        optimizer.step()
    return Trained(below.features[0, last].float().clone(), value.detach(), step, loss)
