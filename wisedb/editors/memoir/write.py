"""One edit written into the residual memory (Wang et al. 2025, "MEMOIR").

With M the edit's mask, and ΔW as the edits before left it, gradient descent on

    −log P(y | x; h(A(x)) + (M ⊙ A(x))·ΔW)

over the prompt and the same behind contexts. The gradient is zero outside the k rows of ΔW that M names: an edit
overwrites what others learned only where their masks meet. M is that of the bare prompt, behind contexts too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from wisedb.editors.common.rewrites import rewrites
from wisedb.editors.memoir.settings import MemoirSettings
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.residual_memory import tophash
from wisedb.model.cached_forward import CachedForward

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What an edit leaves behind.

    Attributes:
        matrix: ΔW, (d_ff, d_model), float32.
        mask: bool (d_ff,), M.
        steps: gradient steps that were taken.
        loss: before the last step, in nats a token, the mean over the prompts.
        learned: whether each token of the answer is the argmax behind the edit's own prompt.
    """

    matrix: Tensor
    mask: Tensor
    steps: int
    loss: float
    learned: bool


def write_edit(
    forward: CachedForward,
    tokenizer: PreTrainedTokenizerBase,
    settings: MemoirSettings,
    edit: Edit,
    contexts: Sequence[str],
    matrix: Tensor,
    hashing: tuple[Tensor, Tensor, int],
) -> Written:
    """Write an edit over ``matrix``, which stays as it is.

    Args:
        forward: the way through the model; its projection is where the memory stands.
        tokenizer: the model's tokenizer.
        settings: how.
        edit: what shall be said.
        contexts: texts that end like a sentence.
        matrix: ΔW so far, (d_ff, d_model), float32.
        hashing: centre, permutation and k, as :func:`wisedb.memory.kinds.residual_memory.tophash` takes them.

    Raises:
        TrainingFailed: the loss is no longer a number.
    """
    rows = rewrites(tokenizer, edit, contexts, end=settings.end, at_subject=False, device=forward.device)
    features, hidden = forward.prefix(rows.ids)
    mask = tophash(features[0, : int(rows.prompts[0])].float().mean(dim=0), *hashing)
    chosen = mask.nonzero()[:, 0]
    read = features[..., chosen].float()
    part = matrix[chosen].clone().requires_grad_()
    optimizer = torch.optim.SGD([part], lr=settings.learning_rate)
    sizes = torch.bincount(rows.at[0], minlength=len(rows.ids))
    # Each prompt counts alike, however many tokens its answer has.
    weights = 1 / (sizes[rows.at[0]] * len(rows.ids))
    loss, learned = torch.inf, False
    for step in range(settings.steps + 1):
        logits = forward.logits(rows.ids, hidden, (read @ part).to(features.dtype), rows.at).float()
        labels = rows.labels.to(logits.device)
        total = (cross_entropy(logits, labels, reduction="none") * weights.to(logits.device)).sum()
        loss = float(total.detach())
        if not loss < torch.inf:
            raise TrainingFailed(f"the loss of {edit.prompt!r} is not a number", hint="Lower learning_rate.")
        own = rows.at[0].to(logits.device) == 0
        learned = bool((logits.argmax(dim=-1) == labels)[own].all())
        if loss <= settings.enough or step == settings.steps:
            break
        (gradient,) = torch.autograd.grad(total, [part])
        part.grad = gradient / gradient.norm().clamp(min=1.0)
        optimizer.step()
    return Written(matrix.index_copy(0, chosen, part.detach()), mask, step, loss, learned)
