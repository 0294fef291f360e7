"""What UltraEdit needs of an edit: at each answer's token the key and the gradient, at several modules in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from wisedb.editors.common.rewrites import Rewrites
from wisedb.errors import TrainingFailed
from wisedb.model.locate import Projection


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """At one module, at the n positions that predict a token of an answer.

    Attributes:
        keys: h, float32 (n, d_ff), what enters the module.
        gradients: v, float32 (n, d_model), of the sum of the loss over the answer's tokens by what the module gives.
        sizes: float32 (n,), the root mean square of the residual stream behind the block.
    """

    keys: Tensor
    gradients: Tensor
    sizes: Tensor


def features_of(
    model: nn.Module, projections: Sequence[Projection], rows: Rewrites
) -> tuple[dict[str, Features], float]:
    """Keys and gradients by module, of one forward and one backward pass, and the loss a token, in nats.

    Args:
        model: in evaluation mode, earlier changes standing beside it.
        projections: the modules.
        rows: one edit; its loss is summed over its tokens, so that it doesn't hang on how many are written together.

    Raises:
        TrainingFailed: the loss is no number.
    """
    # On the CPU: the layers of a model may lie on several devices, and an index from there fits all of them.
    places, columns = (each.cpu() for each in rows.at)
    kept: dict[tuple[str, str], Tensor] = {}

    def give(name: str, _module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        kept[name, "in"] = args[0].detach().reshape(*rows.ids.shape, -1)
        probe = torch.zeros_like(output, requires_grad=True)
        kept[name, "probe"] = probe
        return output + probe

    def keep(name: str, _module: nn.Module, _args: Any, output: Any) -> None:
        states = output if isinstance(output, Tensor) else output[0]
        kept[name, "stream"] = states.detach().reshape(*rows.ids.shape, -1).clone()

    with ExitStack() as stack, torch.enable_grad():
        for each in projections:
            stack.callback(each.module.register_forward_hook(partial(give, each.name)).remove)
            stack.callback(each.block.register_forward_hook(partial(keep, each.name)).remove)
        logits = model(input_ids=rows.ids, attention_mask=torch.ones_like(rows.ids), use_cache=False).logits
        labels = rows.labels.to(logits.device)
        loss = cross_entropy(logits[places, columns].float(), labels, reduction="sum")
        if not float(loss.detach()) < torch.inf:
            raise TrainingFailed("the loss of an edit is no number", hint="Lower the learning rate.")
        gradients = torch.autograd.grad(loss, [kept[each.name, "probe"] for each in projections])
    found = {}
    for each, gradient in zip(projections, gradients, strict=True):
        stream = kept[each.name, "stream"][places, columns].float()
        found[each.name] = Features(
            kept[each.name, "in"][places, columns].float(),
            gradient.reshape(*rows.ids.shape, -1)[places, columns].float(),
            stream.square().mean(dim=1).sqrt(),
        )
    return found, float(loss.detach()) / len(labels)


def joined(each: Sequence[Mapping[str, Features]], module: str) -> Features:
    """Those of several edits at one module, in order."""
    return Features(
        torch.cat([found[module].keys for found in each]),
        torch.cat([found[module].gradients for found in each]),
        torch.cat([found[module].sizes for found in each]),
    )
