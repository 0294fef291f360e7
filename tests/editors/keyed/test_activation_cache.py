"""Activations of rehearsed edits: computed once, the same to the bit whatever was asked before, within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import torch

from tests.editors.keyed.fixtures import EDITS, prepared
from wisedb.editors.common.sequences import CachedSequence, Encoded, cached
from wisedb.editors.keyed.activation_cache import ActivationCache
from wisedb.editors.keyed.context import TrainingContext
from wisedb.editors.keyed.dataset import EncodedDataset

TEXTS = [((edit.prompt, f"Paris is old. {edit.prompt}"), edit.target) for edit in EDITS]


def counting(base: TrainingContext, asked: list[int]) -> Any:
    def lower(prompts: Sequence[Encoded]) -> tuple[CachedSequence, ...]:
        asked.append(len(prompts))
        return cached(base.forward, prompts)

    return lower


def equal(one: CachedSequence, other: CachedSequence) -> bool:
    assert one.hidden is not None and other.hidden is not None
    return torch.equal(one.features, other.features) and torch.equal(one.hidden, other.hidden)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_sequences_do_not_depend_on_what_else_was_asked(family: str) -> None:
    base = prepared(family)
    before = ActivationCache()
    EncodedDataset(base, TEXTS, end=True, cache=before)
    again = EncodedDataset(base, TEXTS[1:2], end=True, cache=before)
    alone = EncodedDataset(base, TEXTS[1:2], end=True, cache=ActivationCache())
    examples = [(0, 0), (0, 1)]
    assert all(map(equal, again.sequences(examples), alone.sequences(examples)))
    assert again.sequences([(0, 0)])[0] is before.get(again._encoded[0][:1], partial(cached, base.forward))[0]


def test_the_same_prompts_are_computed_once_and_others_anew() -> None:
    base, asked = prepared("llama"), list[int]()
    kept, lower = ActivationCache(), counting(base, asked)
    views = EncodedDataset(base, TEXTS, end=True)._encoded
    for _ in range(2):
        kept.get(views[0], lower)
    kept.get(views[0][:1], lower)
    # The same tokens, of which fewer are the prompt: other positions are the answer's.
    kept.get([each._replace(prompt=each.prompt - 1) for each in views[0]], lower)
    assert asked == [2, 1, 2]


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    base, asked = prepared("llama"), list[int]()
    lower = counting(base, asked)
    views = EncodedDataset(base, TEXTS, end=True)._encoded
    measured = ActivationCache()
    for each in views[:3]:
        measured.get(each, lower)
    kept = ActivationCache(capacity=measured.size)
    for number in (0, 1, 2, 0, 3):
        kept.get(views[number], lower)
        assert 0 < kept.size <= measured.size
    asked.clear()
    kept.get(views[0], lower)
    assert not asked
    kept.get(views[1], lower)
    assert asked


def test_sequences_larger_than_the_cache_are_still_given() -> None:
    base = prepared("llama")
    kept = ActivationCache(capacity=0)
    (views, *_) = EncodedDataset(base, TEXTS, end=True)._encoded
    assert len(kept.get(views, partial(cached, base.forward))) == 2
    assert kept.size == 0
