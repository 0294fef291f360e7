"""Which layers an editor spreads a fact over, and the fold over a stream of batches that changes them all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import torch

from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.layered import Store, write_batch
from wisedb.editors.common.layered_settings import LayeredSettings, default_count, default_layer
from wisedb.editors.streams import StreamItem, batches
from wisedb.errors import UnknownSetting
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.model.locate import Projection
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase

S = TypeVar("S", bound=LayeredSettings)


def by_depth(base: LoadedBase, settings: S) -> S:
    """Settings with the target and the number of layers, at the papers' relative depth where they don't say them.

    Raises:
        UnknownSetting: there are fewer layers below the target.
        UnsupportedModel: the model has no module that can be edited there.
    """
    last = base.projection(settings.target, None if settings.target else default_layer(base.projection().layers))
    count = settings.layers or default_count(last.layers, last.layer)
    found = replace(settings, target=last.name, layers=count)
    edited_layers(base, found.target, found.layers)
    return found


def layer_paths(target: str, layers: int) -> list[str]:
    """The edited matrices by their paths in the model, the lowest layer first; no model is asked.

    Args:
        target: the matrix in the last of them.
        layers: how many.

    Raises:
        UnknownSetting: the target has no layer's number, or there are fewer layers below it.
    """
    number = re.search(r"(?<=\.)\d+(?=\.)", target)
    if number is None:
        raise UnknownSetting(f"target is {target!r}", hint="Give a matrix by its whole path, layer's number included.")
    last = int(number[0])
    if not 1 <= layers <= last + 1:
        raise UnknownSetting(
            f"layers is {layers}, and the last one that is edited is layer {last}",
            hint=f"Give a number from 1 to {last + 1}.",
        )
    before, behind = target[: number.start()], target[number.end() :]
    return [f"{before}{layer}{behind}" for layer in range(last - layers + 1, last + 1)]


def edited_layers(base: LoadedBase, target: str, layers: int) -> list[Projection]:
    """The edited projections, the lowest layer first: the same matrix in each of the layers up to the target's.

    Raises:
        UnknownSetting: see :func:`layer_paths`.
        UnsupportedModel: one of these layers has no such matrix.
    """
    return [base.projection(path) for path in layer_paths(target, layers)]


def device_of(projection: Projection) -> torch.device:
    """Where a projection's weight lies."""
    return projection.module.get_parameter("weight").device


def empty_delta(projections: Iterable[Projection]) -> LowRankDelta:
    """ΔW of rank 0 at each of some projections."""
    return LowRankDelta.empty({each.name: (each.d_ff, each.d_model) for each in projections})


def write_stream(
    base: LoadedBase,
    contexts: Sequence[str],
    settings: LayeredSettings,
    start: LowRankDelta,
    done: int,
    stream: Sequence[StreamItem],
    store: Store,
    progress: Listener | None = None,
) -> LowRankDelta:
    """The fold: batch by batch behind the first ``done`` items, each on the model as the earlier ones left it.

    ΔW is float32 from batch to batch, as it is stored. Nothing is drawn.

    Args:
        base: the base model.
        contexts: texts before the prompts.
        settings: how.
        start: ΔW with the first ``done`` items.
        done: a batch ends there.
        stream: the effective stream.
        store: the closed form, see :data:`wisedb.editors.common.layered.Store`.
        progress: is told after each edit's z.
    """
    layers = edited_layers(base, settings.target, settings.layers)
    # Before anything stands beside the model: which way is the fastest is tried out on the model as it is.
    forwards = [cached_forward_of(base, projection) for projection in layers]
    changes = {each.name: start.place(each.name, device_of(each), torch.float32) for each in layers}
    written = 0

    def tell(loss: float) -> None:
        nonlocal written
        written += 1
        if progress is not None:
            progress(Progress("training", written, len(stream) - done, loss))

    for batch in batches(stream[done:]):
        edits = [item.edit for item in batch]
        changes = write_batch(forwards, base.tokenizer, edits, contexts, settings, changes, store, tell)
    return LowRankDelta(
        start.modules,
        {module: changes[module].left.cpu() for module in start.modules},
        {module: changes[module].right.cpu() for module in start.modules},
    )
