"""Memories attached to a base model: for a while, or for good."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from wisedb.errors import WisedbWarning
from wisedb.memory.hooks import AttachedMemories, attach, handle_of
from wisedb.model.chat import template_digest

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from wisedb.memory.context.build import UnsureFacts
    from wisedb.memory.memory import Memory
    from wisedb.model.base import LoadedBase

# Digits of a template's hash.
_SHORT = 12


@contextmanager
def attached(
    base: LoadedBase, memories: Sequence[Memory], unsure: UnsureFacts | None = None
) -> Iterator[AttachedMemories | None]:
    """Memories on a model for the length of a block, ``None`` where there are none; the model is left as it was."""
    if not memories:
        yield None
        return
    handle = attach_all(base, memories, unsure)
    try:
        yield handle
    finally:
        handle.detach()


def attach_all(base: LoadedBase, memories: Sequence[Memory], unsure: UnsureFacts | None = None) -> AttachedMemories:
    """Attach memories to a model for good.

    Args:
        base: the model.
        memories: those that are to answer.
        unsure: facts that go into the context where the keys are unsure.

    Where it warns: see :func:`compare_template`.
    """
    compare_template(base, memories)
    modules = dict.fromkeys(module for memory in memories for module in memory.modules)
    return attach(
        base.model,
        memories,
        projections={module: base.projection(module) for module in modules},
        tokenizer=base.tokenizer,
        unsure=unsure,
    )


def warn_where_saved(model: PreTrainedModel) -> None:
    """Let ``save_pretrained`` say, in a warning, that memories are no part of what it writes.

    Args:
        model: a model that memories are attached to for good.
    """
    if "save_pretrained" not in model.__dict__:
        model.__dict__["save_pretrained"] = partial(_save, model)


def _save(model: PreTrainedModel, *args: Any, **kwargs: Any) -> Any:
    if handle_of(model) is not None:
        warnings.warn(
            "save_pretrained writes the unedited weights: memories that answer beside them are no part of a "
            "checkpoint; `wisedb export` writes both, as an adapter or merged",
            WisedbWarning,
            stacklevel=2,
        )
    return type(model).save_pretrained(model, *args, **kwargs)


def compare_template(base: LoadedBase, memories: Sequence[Memory]) -> None:
    """Warn, once a loaded model, where edits were found behind another chat template than its tokenizer has now.

    No fingerprint of the base model holds a template that lies in a file of its own.

    Args:
        base: the model.
        memories: those that are to answer.
    """
    rings = [memory.gate.keys for memory in memories if memory.gate.keys is not None]
    recorded = dict.fromkeys(
        ring.statistics.chat.template for ring in rings if ring.statistics.chat is not None and bool(ring.stops.any())
    )
    now = template_digest(base.tokenizer)
    for template in recorded:
        if template != now:
            base.derived.get(("another template", template, now), partial(_warn, template, now))


def _warn(recorded: str, now: str | None) -> bool:
    there = "no chat template" if now is None else f"the chat template {now[:_SHORT]}"
    warnings.warn(
        f"the tokenizer has {there}, these edits were learned behind {recorded[:_SHORT]}: in a chat they are looked "
        "for in the frame of that one, and may not answer; put that template back, or learn the edits in a new store",
        WisedbWarning,
        stacklevel=2,
    )
    return True
