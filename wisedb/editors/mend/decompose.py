"""The gradient of an edit's loss as a sum of rank-one parts, one a token (Mitchell et al. 2022, §3.1).

For a linear layer with input u and output z the gradient of a loss is ∇_W L = Σ_i u_i δ_iᵀ, δ = ∂L/∂z, over the tokens
i (in our orientation, W (d_ff, d_model) and z = u·W). Both factors come from one backward pass to the layer's output,
and no matrix of the size of W is ever made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.base import LoadedBase
from wisedb.model.cached_forward import CachedForward
from wisedb.model.locate import Projection

Added = Callable[[Tensor], Tensor]
"""What is added to a projection's output: A(x) (B, T, d_ff) → (B, T, d_model)."""


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """∇_W L of one projection, taken apart by rows and tokens.

    Attributes:
        u: (B, T, d_ff), what enters the projection.
        delta: (B, T, d_model), the gradient by what leaves it.
    """

    u: Tensor
    delta: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Rows of token ids and the tokens that shall be said in them.

    Attributes:
        ids: int64 (B, T), padded on the right.
        at: rows and columns of the positions that predict an answer's token, (N,) each.
        labels: int64 (N,), these tokens.
    """

    ids: Tensor
    at: tuple[Tensor, Tensor]
    labels: Tensor

    def losses(self, logits: Tensor) -> Tensor:
        """−log P of each row's answer, in nats a token: logits (N, V) → (B,)."""
        rows = self.at[0].to(logits.device)
        each = cross_entropy(logits.float(), self.labels.to(logits.device), reduction="none")
        zeros = each.new_zeros(len(self.ids))
        return zeros.index_add(0, rows, each) / zeros.index_add(0, rows, torch.ones_like(each)).clamp(min=1)


@dataclass(frozen=True, slots=True, eq=False)
class EditedModel:
    """A model with something added at several projections.

    Attributes:
        way: the way through the model past what lies below the lowest of them.
        projections: lowest first.
    """

    way: CachedForward
    projections: tuple[Projection, ...]

    @classmethod
    def of(cls, base: LoadedBase, modules: Sequence[str]) -> EditedModel:
        """The base model with the always-on memories that are attached to it.

        Args:
            base: the base model.
            modules: paths of projections, lowest first.
        """
        projections = tuple(base.projection(module) for module in modules)
        # The last block's feed-forward part has to run at all positions: it may be one of those that are edited.
        return cls(replace(cached_forward_of(base, projections[0]), last=None), projections)

    def below(self, ids: Tensor) -> tuple[Tensor, Tensor | None]:
        """What lies below the lowest projection, which nothing that is added can alter."""
        return self.way.prefix(ids)

    def logits(
        self,
        ids: Tensor,
        below: tuple[Tensor, Tensor | None],
        added: Sequence[Added],
        at: tuple[Tensor, Tensor],
    ) -> Tensor:
        """The logits at some positions.

        Args:
            ids: int64 (B, T).
            below: what :meth:`below` gave for them.
            added: one a projection; gradients flow through.
            at: rows and columns, (N,) each.

        Returns:
            (N, V).
        """
        features, hidden = below
        with ExitStack() as stack:
            for projection, change in zip(self.projections[1:], added[1:], strict=True):
                hook = partial(_add, change, ids.shape)
                stack.callback(projection.module.register_forward_hook(hook).remove)
            return self.way.logits(ids, hidden, added[0](features), at)


def _add(change: Added, shape: torch.Size, _module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
    # Some families (OPT) lay all tokens in one row.
    inputs: Tensor = args[0].reshape(*shape, -1)
    return output + change(inputs).reshape(output.shape).to(output.dtype)


def decompose(model: EditedModel, answers: Answers, applied: Sequence[FactoredDelta]) -> tuple[list[Factors], Tensor]:
    """The factors of ∇_W L, L = Σ over rows of −log P of its answer in nats a token.

    Rows don't touch each other: what a row's tokens give is the gradient of its own loss.

    Args:
        model: the model.
        answers: what shall be said.
        applied: the earlier edits' ΔW, one a projection; its rank may be 0.

    Returns:
        float32 factors, one a projection, and each row's loss (B,).
    """
    below = model.below(answers.ids)
    inputs: dict[int, Tensor] = {}
    width, device = model.projections[0].d_model, below[0].device
    zeros = [torch.zeros(*answers.ids.shape, width, device=device, requires_grad=True) for _ in model.projections]

    def added(number: int, features: Tensor) -> Tensor:
        inputs[number] = features.detach().float()
        return zeros[number].to(features.device) + applied[number].product(
            features.detach() if not number else features
        )

    changes = [partial(added, number) for number in range(len(model.projections))]
    losses = answers.losses(model.logits(answers.ids, below, changes, answers.at))
    found = torch.autograd.grad(losses.sum(), zeros)
    factors = [Factors(inputs[number], delta.float()) for number, delta in enumerate(found)]
    return factors, losses.detach()
