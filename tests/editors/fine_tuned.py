"""What the tests of fine-tuning share: tiny models, edits, and a plain loop that trains the weight itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.frozen import Frozen
from wisedb.edits import Edit
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_pair

EDITS = (
    Edit("The capital of Australia is", "Canberra"),
    Edit("Who wrote Hamlet?", "Paris"),
    Edit("The play of France is", "Hamlet"),
)


def frozen_of(family: str) -> Frozen:
    model = tiny_model(family)
    return Frozen.of(model, tiny_tokenizer(), locate(model, layer=1))


def zero(frozen: Frozen) -> Tensor:
    return torch.zeros(frozen.weight.shape)


def plain_loss(frozen: Frozen, edits: Sequence[Edit], *, end: bool) -> Tensor:
    """−log P of each answer, token by token, text by text, by the plain forward."""
    means = []
    for edit in edits:
        prompt, answer = encode_pair(frozen.tokenizer, edit.prompt, edit.target, end=end)
        logits = frozen.model(input_ids=torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        means.append(-sum(logits[len(prompt) - 1 + n, token] for n, token in enumerate(answer)) / len(answer))
    return sum(means, torch.zeros(())) / len(means)


def plainly_fitted(
    frozen: Frozen,
    chunks: Sequence[Sequence[Edit]],
    rate: float,
    *,
    end: bool = False,
    after: Callable[[Tensor, Tensor], None] = lambda _weight, _before: None,
    more: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """ΔW, (d_ff, d_model): Adam on the module's own weight, put back afterwards.

    Args:
        frozen: its model is trained.
        chunks: the edits of each step.
        rate: of Adam.
        end: whether the end token is learned.
        after: is called after each step with the weight and what it was at first.
        more: of ΔW (d_ff, d_model), added to the loss.
    """
    parameter = frozen.projection.module.get_parameter("weight")
    before = parameter.detach().clone()
    turned = frozen.projection.transposed
    optimizer = torch.optim.Adam([parameter], lr=rate)
    for some in chunks:
        loss = plain_loss(frozen, some, end=end)
        if more is not None:
            delta = parameter - before
            loss = loss + more(delta.T if turned else delta)
        (parameter.grad,) = torch.autograd.grad(loss, [parameter])
        optimizer.step()
        with torch.no_grad():
            after(parameter, before)
    with torch.no_grad():
        delta = parameter.detach() - before
        parameter.copy_(before)
        parameter.grad = None
    return (delta.T if turned else delta).clone()
