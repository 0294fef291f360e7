"""The way through a base model past its frozen part, tried out once a loaded model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisedb.memory.hooks import handle_of
from wisedb.model.cached_forward import CachedForward
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import Projection, weight_of

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase


def cached_forward_of(base: LoadedBase, projection: Projection) -> CachedForward:
    """The fastest way that gives the logits of the plain forward.

    It is looked for anew where the model was moved, runs another attention or has other always-on memories attached.
    """
    weight = weight_of(projection)
    attention = getattr(base.model.config, "_attn_implementation", None)
    handle = handle_of(base.model)
    always_on = () if handle is None else tuple((memory.id, memory.edits) for memory in handle.always_on)
    key = ("cached forward", projection.name, id(projection.module), weight.device, weight.dtype, attention, always_on)
    base.model.eval()
    return base.derived.get(key, lambda: find_cached_forward(base.model, projection))
