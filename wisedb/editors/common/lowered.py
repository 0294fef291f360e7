"""What lies below an edited projection for some rows, computed once, and what the projection gives there."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.cached_forward import CachedForward
from wisedb.model.locate import Projection, weight_of


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """Rows of token ids as the projection sees them.

    Attributes:
        features: A(x), (B, T, d_ff).
        hidden: what the way through the model wants back, (B, T, d_model), or None.
        outputs: what the projection gives, its bias and earlier changes included, (B, T, d_model).
        earlier: what earlier changes add to that, (B, T, d_model); zeros without any.
        stream: the residual stream behind the block, (B, T, d_model), before earlier changes.
    """

    features: Tensor
    hidden: Tensor | None
    outputs: Tensor
    earlier: Tensor
    stream: Tensor


@torch.no_grad()
def lower(forward: CachedForward, ids: Tensor, applied: FactoredDelta | None = None) -> Lowered:
    """Run what lies below the projection; earlier changes of the same projection can't alter that.

    Args:
        forward: the way through the model.
        ids: int64 (B, T), padded on the right if at all.
        applied: the earlier edits' ΔW.
    """
    kept: dict[str, Tensor] = {}

    def keep(name: str, _module: nn.Module, _args: Any, output: Any) -> None:
        # As it is now: some families (Falcon) add to it in place.
        kept[name] = (output if isinstance(output, Tensor) else output[0]).clone()

    with ExitStack() as stack:
        # Before the way through the model puts its own hook there, which ends the forward.
        stack.callback(forward.projection.block.register_forward_hook(partial(keep, "stream")).remove)
        # Behind the hooks of memories that are attached: what they put in is part of what the module gives.
        stack.callback(forward.projection.module.register_forward_hook(partial(keep, "output")).remove)
        features, hidden = forward.prefix(ids)
    plain = kept["output"].reshape(*features.shape[:-1], -1)
    earlier = torch.zeros_like(plain) if applied is None else applied.product(features)
    return Lowered(features, hidden, plain + earlier, earlier, kept["stream"].reshape(plain.shape))


def project(projection: Projection, features: Tensor) -> Tensor:
    """A(x)·W_v and the projection's bias, (..., d_ff) → (..., d_model); no hook of the module runs."""
    output = features @ weight_of(projection).detach().to(features)
    bias = getattr(projection.module, "bias", None)
    return output if bias is None else output + bias.detach().to(features)
