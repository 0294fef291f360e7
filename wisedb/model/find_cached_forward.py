"""The fastest way through a model past its frozen part: cuts are tried on a probe, beside the plain forward."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial, reduce
from operator import or_
from typing import Any

import torch
from torch import Tensor, nn

from wisedb.model.cached_forward import CachedForward
from wisedb.model.capture import BlockReached
from wisedb.model.locate import Projection, weight_of


def find_cached_forward(model: nn.Module, projection: Projection, *, seed: int = 0) -> CachedForward:
    """The fastest way through ``model`` whose logits equal those of its plain forward.

    Args:
        model: a causal language model in evaluation mode.
        projection: the edited projection.
        seed: of the probe's tokens and of its ΔW.
    """
    generator = torch.Generator().manual_seed(seed)
    weight = weight_of(projection)
    device = next(model.parameters()).device
    vocabulary = int(model.get_input_embeddings().weight.shape[0])  # type: ignore[operator]
    ids = torch.randint(min(vocabulary, 1000), (2, 7), generator=generator).to(device)
    noise = torch.randn(projection.d_ff, projection.d_model, generator=generator)
    # Large enough that leaving it out, or scaling it wrongly, can't hide in the rounding of the logits.
    delta = (noise * 10 * weight.detach().float().std().cpu()).to(weight.device, weight.dtype)
    at = (torch.tensor([0, 0, 1], device=device), torch.tensor([2, 5, 6], device=device))

    def logits(way: CachedForward) -> Tensor:
        features, hidden = way.prefix(ids)
        return way.logits(ids, hidden, features @ delta, at)

    way = CachedForward(model, projection, "full", "all", None, _returns_tuples(model, projection.block, ids))
    cuts: tuple[dict[str, Any], ...] = (
        {"head": "answers"},
        {"last": _feed_forward(projection)},
        {"resume": "block"},
        {"resume": "additive"},
    )
    with torch.no_grad():
        plain = logits(way)
        # Most families allow all of them: each trial reads all weights, which is what takes its time.
        whole = replace(way, **reduce(or_, cuts))
        if _same(plain, partial(logits, whole)):
            return _with_prompts(whole, ids, delta)
        for cut in cuts:
            shorter = replace(way, **cut)
            if _same(plain, partial(logits, shorter)):
                way = shorter
        return _with_prompts(way, ids, delta)


def _with_prompts(way: CachedForward, ids: Tensor, delta: Tensor) -> CachedForward:
    # The way with prompts kept, where that gives what a ΔW that answers from some token on gives, padded or not.
    starts = (4, 2)
    width = ids.shape[1] - max(starts)
    parts = [slice(start, start + width) for start in starts]
    rows = torch.arange(len(starts), device=ids.device)
    last = torch.tensor([part.stop - 1 for part in parts], device=ids.device)
    features, hidden = way.prefix(ids)
    changes = features @ delta
    for row, start in enumerate(starts):
        changes[row, :start] = 0
    plain = way.logits(ids, hidden, changes, (rows, last))
    size = 0

    def kept() -> Tensor:
        nonlocal size
        features, hidden, states = way.prompt(ids)
        size = states[:, :, 0, :, 0].numel()
        prompts = [states[:, :, row, :, :start] for row, start in enumerate(starts)]
        some = torch.stack([ids[row, part] for row, part in enumerate(parts)])
        below = None if hidden is None else torch.stack([hidden[row, part] for row, part in enumerate(parts)])
        change = torch.stack([features[row, part] for row, part in enumerate(parts)]) @ delta
        ends = (rows, torch.full_like(rows, width - 1))
        return way.logits(some, below, change, ends, prompts)

    return replace(way, state=size) if way.resume != "full" and _same(plain, kept) else way


def _feed_forward(projection: Projection) -> str | None:
    # The part of a block that holds the projection, if it isn't the projection itself, and the last block's isn't it.
    if projection.layer == projection.layers - 1:
        return None
    for name, part in projection.block.named_children():
        if part is not projection.module and projection.module in part.modules():
            return name
    return None


def _returns_tuples(model: nn.Module, block: nn.Module, ids: Tensor) -> bool:
    found: list[bool] = []

    def look(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:
        found.append(isinstance(output, tuple))
        raise BlockReached

    handle = block.register_forward_hook(look)
    try:
        with torch.no_grad(), suppress(BlockReached):
            model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    finally:
        handle.remove()
    return found[0]


def _same(plain: Tensor, way: Callable[[], Tensor]) -> bool:
    try:
        other = way()
    except Exception:  # noqa: BLE001 - a family that can't go this way says so in its own words; the plain way is left
        return False
    if other.shape != plain.shape:
        return False
    tolerance = max(1e-5, 4 * torch.finfo(plain.dtype).eps) * float(plain.float().abs().amax())
    return bool((other.float() - plain.float()).abs().amax() <= tolerance)
