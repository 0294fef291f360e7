"""What the blocks keep of a prompt: keys and values, so that only the tokens behind it run while an edit trains.

Where ΔW answers from some token on, as behind a chat template, all that stands in front of it is the base model's to
the end: its keys and values never change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache


class Behind(NamedTuple):
    """Prompts as a model takes them along with the tokens behind.

    Attributes:
        cache: their keys and values, padded on the left.
        mask: int64 ``(B, P + T)``, the padding left out.
        positions: int64 ``(B, T)``, where the tokens behind stand.
    """

    cache: DynamicCache
    mask: Tensor
    positions: Tensor


def kept_states(cache: DynamicCache, first: int) -> Tensor:
    """The keys and values of the blocks from ``first`` on, ``(blocks, 2, B, heads, P, d_head)``."""
    layers = [(layer.keys, layer.values) for layer in cache.layers[first:]]
    return torch.stack([torch.stack([keys, values]) for keys, values in layers])


def behind(prompts: Sequence[Tensor], first: int, tokens: int) -> Behind:
    """Several prompts as one batch.

    Args:
        prompts: of each row the keys and values, ``(blocks, 2, heads, P, d_head)``.
        first: the block that the first of them belong to; those below never look at theirs.
        tokens: how many tokens stand behind each.
    """
    lengths = torch.tensor([prompt.shape[3] for prompt in prompts])
    longest = int(lengths.max())
    blocks, _, heads, _, size = prompts[0].shape
    states = prompts[0].new_zeros(blocks, 2, len(prompts), heads, longest, size)
    for row, prompt in enumerate(prompts):
        states[:, :, row, :, longest - prompt.shape[3] :] = prompt
    cache = DynamicCache()
    if first:
        # The first block's length stands for all when the mask is made.
        cache.update(states[0, 0], states[0, 1], 0)
    for number, (keys, values) in enumerate(states):
        cache.update(keys, values, first + number)
    lengths = lengths.to(states.device)[:, None]
    mask = torch.arange(longest + tokens, device=states.device) >= longest - lengths
    return Behind(cache, mask.long(), lengths + torch.arange(tokens, device=states.device))
