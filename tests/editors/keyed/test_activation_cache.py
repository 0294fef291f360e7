"""Rows of rehearsed edits: computed once, the same to the bit whatever was asked before, within bounds of memory."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from tests.editors.keyed.fixtures import EDITS, PreparedModel, prepared
from wisedb.editors.keyed.activation_cache import KeptRows, Sequences
from wisedb.editors.keyed.batches import Row, lower_rows
from wisedb.editors.keyed.dataset import Sheet

TEXTS = [((edit.prompt, f"Paris is old. {edit.prompt}"), edit.target) for edit in EDITS]


def counting(base: PreparedModel, asked: list[int]) -> Any:
    def lower(views: Sequences) -> tuple[Row, ...]:
        asked.append(len(views))
        return lower_rows(base, views)

    return lower


def equal(one: Row, other: Row) -> bool:
    assert one.hidden is not None and other.hidden is not None
    return torch.equal(one.features, other.features) and torch.equal(one.hidden, other.hidden)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_rows_do_not_depend_on_what_else_was_asked(family: str) -> None:
    base = prepared(family)
    before = KeptRows()
    Sheet(base, TEXTS, end=True, kept=before)
    again = Sheet(base, TEXTS[1:2], end=True, kept=before)
    alone = Sheet(base, TEXTS[1:2], end=True, kept=KeptRows())
    picks = [(0, 0), (0, 1)]
    assert all(map(equal, again.rows(picks), alone.rows(picks)))
    assert again.rows([(0, 0)])[0] is before.rows(again._sequences[0], partial(lower_rows, base))[0]


def test_the_same_views_are_computed_once_and_others_anew() -> None:
    base, asked = prepared("llama"), list[int]()
    kept, lower = KeptRows(), counting(base, asked)
    views = Sheet(base, TEXTS, end=True)._sequences
    for _ in range(2):
        kept.rows(views[0], lower)
    kept.rows(views[0][:1], lower)
    # The same tokens, of which fewer are the prompt: other positions are the answer's.
    kept.rows([(ids, prompt - 1) for ids, prompt in views[0]], lower)
    assert asked == [2, 1, 2]


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    base, asked = prepared("llama"), list[int]()
    lower = counting(base, asked)
    views = Sheet(base, TEXTS, end=True)._sequences
    measured = KeptRows()
    for each in views[:3]:
        measured.rows(each, lower)
    kept = KeptRows(room=measured.size)
    for number in (0, 1, 2, 0, 3):
        kept.rows(views[number], lower)
        assert 0 < kept.size <= measured.size
    asked.clear()
    kept.rows(views[0], lower)
    assert not asked
    kept.rows(views[1], lower)
    assert asked


def test_rows_larger_than_the_room_are_still_given() -> None:
    base = prepared("llama")
    kept = KeptRows(room=0)
    (views, *_) = Sheet(base, TEXTS, end=True)._sequences
    assert len(kept.rows(views, partial(lower_rows, base))) == 2
    assert kept.size == 0
