"""Tokens that many texts begin with, read once: a chat template's beginning is often longer than what is asked in it.

What a model keeps of a text's beginning doesn't depend on how the text goes on. So the beginning's keys and values
stand in front of each batch, and only what comes behind is run. Whether a family's forward goes on from them is not
looked up but tried, beside the plain forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from wisedb.model.capture import BlockReached
from wisedb.model.locate import Projection
from wisedb.model.prompt_states import kept_states
from wisedb.model.tokens import pad_batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# How far, in units of its length, a state behind the opening may be from the one of the plain forward: the rounding of
# float32 stays a hundred times below it, and of other dtypes within so many units of the last place.
_TOLERANCE, _ROUNDINGS = 1e-3, 4


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """What many texts begin with.

    Attributes:
        ids: its tokens.
        states: its keys and values in the first blocks, ``(blocks, 2, 1, heads, P, d_head)``; ``None`` where the model
            doesn't go on from them, and texts are run as a whole.
    """

    ids: tuple[int, ...]
    states: Tensor | None

    def opens(self, text: Sequence[int]) -> bool:
        """Whether a text, as token ids, can be run behind it: it begins so, and goes on."""
        size = len(self.ids)
        return self.states is not None and len(text) > size and tuple(text[:size]) == self.ids

    def cache(self, rows: int) -> DynamicCache:
        """A cache of so many rows in which it stands."""
        assert self.states is not None
        cache = DynamicCache()
        for number, (keys, values) in enumerate(self.states):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
        return cache

    def inputs(self, ids: Tensor, mask: Tensor) -> dict[str, Any]:
        """What a forward takes to run texts behind it.

        Args:
            ids: int64 ``(B, T)``, padded on the right, the opening's tokens included.
            mask: int64 ``(B, T)``, 0 at the padding.
        """
        cache = self.cache(len(ids))
        return {
            "input_ids": ids[:, len(self.ids) :],
            "attention_mask": mask,
            "past_key_values": cache,
            "use_cache": True,
        }


@torch.no_grad()
def read_opening(model: PreTrainedModel, projection: Projection, ids: Sequence[int], blocks: int) -> Opening:
    """Run the beginning of texts through the first blocks of a model, and try whether that goes on from there.

    Args:
        model: in evaluation mode, as it will run the texts.
        projection: its blocks are the model's.
        ids: the beginning's tokens.
        blocks: how many blocks the texts will run through.
    """
    opening = tuple(ids)
    if not opening or not blocks:
        return Opening(opening, None)
    # Of different length: padding is tried too.
    texts = [[*opening, *opening[-4:]], [*opening, *opening[:2]]]
    whole, mask = (part.to(model.device) for part in pad_batch(texts, 0, "right"))
    cache = DynamicCache()
    try:
        block = projection.blocks[blocks - 1]
        start = {"input_ids": whole[:1, : len(opening)], "attention_mask": mask[:1, : len(opening)]}
        _reached(model, block, {**start, "past_key_values": cache, "use_cache": True})
        found = Opening(opening, kept_states(cache, 0))
        behind = _reached(model, block, found.inputs(whole, mask))
    except Exception:  # noqa: BLE001 - a family that can't go this way says so in its own words; the plain way is left
        return Opening(opening, None)
    plain = _reached(model, block, {"input_ids": whole, "attention_mask": mask, "use_cache": False})
    seen = mask[:, len(opening) :].bool()
    if cache.get_seq_length() != len(opening) or found.states is None or len(found.states) != blocks:
        return Opening(opening, None)
    wanted, got = plain[:, len(opening) :][seen].float(), behind[seen].float()
    tolerance = max(_TOLERANCE, _ROUNDINGS * torch.finfo(plain.dtype).eps)
    near = (got - wanted).norm(dim=-1) <= tolerance * wanted.norm(dim=-1)
    return found if bool(near.all()) else Opening(opening, None)


def _reached(model: PreTrainedModel, block: nn.Module, inputs: dict[str, Any]) -> Tensor:
    """What a block gives, ``(B, T, d_model)``; nothing above it is run."""
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _args: Any, output: Any) -> None:
        kept.append(output if isinstance(output, Tensor) else output[0])
        raise BlockReached

    with ExitStack() as stack:
        stack.callback(block.register_forward_hook(keep).remove)
        stack.enter_context(suppress(BlockReached))
        # Without the output embeddings, which are wide.
        model.base_model(**inputs)
    return kept[0].reshape(*inputs["input_ids"].shape, -1)
