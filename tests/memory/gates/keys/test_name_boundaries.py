"""Where a name ends: a longer one is another, and the costs of that."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.memory.keyed import TOKENIZER, about, index_of
from tests.models import tiny_model
from wisedb.memory.gates.keys.index import KeyIndex
from wisedb.memory.gates.keys.name_boundaries import ENDING, LONGER, PART, name_goes_on
from wisedb.memory.gates.keys.score import score_edits
from wisedb.memory.gates.keys.token_flags import (
    CAPITAL,
    GOES_ON,
    LINK,
    LINKED,
    OPEN,
    join_before,
)
from wisedb.model.capture import capture
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_prompt


def scores_of(index: KeyIndex, *prompts: str) -> list[float]:
    model = tiny_model("llama")
    encoded = [encode_prompt(TOKENIZER, prompt) for prompt in prompts]
    found = []
    for ids, seen in zip(encoded, capture(model, locate(model), index.statistics.layer, encoded), strict=True):
        tokens, relations = index.statistics.tokens(seen.tokens)[None], index.statistics.relations(seen.states)[None]
        flags = index.statistics.flags_of(torch.tensor([ids]), tokens)
        everything = torch.ones(1, len(ids), dtype=torch.bool)
        found.append(
            float(score_edits(tokens, relations, flags, everything, torch.tensor([[len(ids) - 1]]), index).scores)
        )
    return found


def test_a_word_that_is_not_over() -> None:
    flags = torch.tensor([[OPEN | CAPITAL, GOES_ON | OPEN, OPEN, GOES_ON]], dtype=torch.uint8)
    seen = torch.tensor([[True, True, True, True]])
    at = torch.tensor([[-1, 0, 1, 2, 3]])
    assert name_goes_on(flags, seen, at).tolist() == [[False, True, False, True, False]]
    seen[0, 3] = False
    assert not name_goes_on(flags, seen, torch.tensor([[2]])).any()


def test_a_name_is_over_before_the_preposition_behind_it() -> None:
    flags = torch.tensor([[OPEN, CAPITAL | OPEN, LINK | OPEN, CAPITAL | OPEN]], dtype=torch.uint8)
    assert join_before(flags)[0, 3] == LINKED
    assert not name_goes_on(flags, flags > 0, torch.tensor([[0, 1, 2, 3]])).any()


def test_a_longer_name_is_another() -> None:
    index = index_of([about("Oslo", "The capital of Oslo is")])
    index = replace(index, knowledge=torch.zeros(1))
    plain, *longer = scores_of(
        index, "a hall in Oslo is", "a hall in New Oslo is", "a hall in Big-Oslo is", "a hall in Oslo City is"
    )
    ending, part, elsewhere = scores_of(
        index, "a hall in Osloan is", "a hall in the Bank of Oslo is", "in New Oslo and in Oslo is"
    )
    assert longer == pytest.approx([plain - LONGER] * 3)
    assert ending == pytest.approx(plain - ENDING)
    assert part == pytest.approx(plain - PART)
    assert elsewhere == pytest.approx(plain)


def test_a_name_that_goes_on_in_the_edit_too_is_the_same() -> None:
    index = index_of([about("Oslo", "The capital of New Oslo is")])
    index = replace(index, knowledge=torch.zeros(1))
    assert index.whole[0].tolist() == [False, True]
    same, after = scores_of(index, "a hall in New Oslo is", "a hall in Oslo City is")
    assert after == pytest.approx(same - LONGER)
    # As it is spelt alone, it is a whole name.
    assert index.whole[1:].all()


def test_where_marks_are_not_known_no_name_goes_on() -> None:
    index = index_of([about("Oslo", "The capital of Oslo is")])
    blank = replace(index, statistics=replace(index.statistics, flags=torch.zeros(0, dtype=torch.uint8)))
    assert scores_of(blank, "a hall in New Oslo is") > scores_of(index, "a hall in New Oslo is")
