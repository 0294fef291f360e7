"""Prompts as keys and values."""

from __future__ import annotations

import pytest
import torch
from transformers import DynamicCache

from wisedb.model.prompt_states import behind, kept_states

BLOCKS, HEADS, SIZE = 3, 2, 4


def cache_of(rows: int, tokens: int) -> DynamicCache:
    cache = DynamicCache()
    generator = torch.Generator().manual_seed(0)
    for block in range(BLOCKS):
        cache.update(*(torch.randn(rows, HEADS, tokens, SIZE, generator=generator) for _ in range(2)), block)
    return cache


def test_the_states_of_the_blocks_that_run_are_kept() -> None:
    cache = cache_of(2, 5)
    states = kept_states(cache, 1)
    assert states.shape == (BLOCKS - 1, 2, 2, HEADS, 5, SIZE)
    assert torch.equal(states[0, 0], cache.layers[1].keys) and torch.equal(states[1, 1], cache.layers[2].values)


@pytest.mark.parametrize("first", [0, 1])
def test_shorter_prompts_are_padded_where_nobody_looks(first: int) -> None:
    states = kept_states(cache_of(2, 5), first)
    long, short = states[:, :, 0], states[:, :, 1, :, :3]
    cache, mask, positions = behind([long, short], first, 2)
    assert cache.get_seq_length() == 5
    assert mask.tolist() == [[1] * 7, [0, 0, 1, 1, 1, 1, 1]]
    assert positions.tolist() == [[5, 6], [3, 4]]
    for block, (keys, values) in enumerate(states, start=first):
        assert torch.equal(cache.layers[block].keys[0], keys[0])
        assert torch.equal(cache.layers[block].values[1, :, 2:], values[1, :, :3])
