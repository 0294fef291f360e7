"""The keys of all memories put together: what tokens count for, and which stretch of a prompt is its subject."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.memory.keyed import TOKENIZER, about, index_of, statistics_of
from tests.models import tiny_model
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.gates.keys.index import build_index, dense_stretch
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_prompt


def test_rare_tokens_count_for_more() -> None:
    edits = [about(name, f"The capital of {name} is") for name in ("France", "Italy", "Spain", "Norway")]
    edits.append(about("capital", "the capital"))
    index = index_of(edits)
    assert index.weights.min() > 0 and index.weights.max() <= 1
    share = index.totals / index.starts.diff(append=torch.tensor([len(index.token_rows)]))
    first = index.readings[torch.searchsorted(index.edit, torch.arange(5)), 0]
    assert share[first[4]] < share[first[:4]].min()


def test_the_weight_is_the_formula() -> None:
    # Four edits and six texts; the letter q stands in one edit alone, unlike any other token.
    edits = [about("q", "q is"), about("Rome", "Rome is"), about("Oslo", "Oslo is"), about("Bern", "Bern is")]
    index = index_of(edits)
    first = index.readings[0, 0]
    assert index.weights[index.starts[first]].item() == pytest.approx(math.log(11) / math.log(11))


def test_keys_know_their_memory_and_edit() -> None:
    index = index_of([about("Rome", "Rome is"), about("Oslo", "Oslo is")], [about("Bern", "Bern is")])
    assert index.memories == 2
    # Of each prompt one as it is written, and those as people type it.
    assert list(dict.fromkeys(zip(index.memory.tolist(), index.edit.tolist(), strict=True))) == [(0, 0), (0, 1), (1, 2)]
    torch.testing.assert_close(index.relations.norm(dim=1), torch.ones(len(index.edit)))


def test_a_memory_without_keys_takes_none() -> None:
    model = tiny_model("llama")
    statistics = statistics_of(model)
    empty = EditKeys.empty(statistics)
    ring = build_keys(model, locate(model), TOKENIZER, statistics, [about("Rome", "Rome is")])
    embed = model.get_input_embeddings()
    assert build_index([None, empty], [0, 0], embed) is None
    index = build_index([None, ring, empty], [2, 1, 0], embed)
    assert index is not None
    assert (index.memories, set(index.memory.tolist()), set(index.edit.tolist())) == (3, {1}, {2})


def test_a_subject_that_says_nothing_is_put_aside() -> None:
    prompt = "who was the first king of the far land of Zembla and the isles of Xanadu near Quivira?"
    others = [about(f"name{n}", f"who was the name{n}") for n in range(8)]
    weak = index_of([*others, about("was", prompt)])
    named = index_of([*others, about("Zembla", prompt)])
    # "was" says nothing, so that the stretch with the rare names is found; "Zembla" is what it is called.
    assert weak.totals[weak.readings[weak.edit == 8][0, 0]] > named.totals[named.readings[named.edit == 8][0, 0]] > 1


def test_the_index_moves_as_a_whole() -> None:
    index = index_of([about("Rome", "Rome is")])
    assert index.to(torch.device("cpu")) is index
    moved = index.to(torch.device("meta"))
    assert {moved.table.device.type, moved.memory.device.type, moved.centre.device.type} == {"meta"}


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=12))
def test_the_dense_stretch_is_the_best_of_all(weights: list[float]) -> None:
    first, last = dense_stretch(weights)
    assert 0 <= first < last <= len(weights)
    best = max(
        sum(weight - 0.5 for weight in weights[a:b])
        for a in range(len(weights))
        for b in range(a + 1, len(weights) + 1)
    )
    assert sum(weight - 0.5 for weight in weights[first:last]) == pytest.approx(best, abs=1e-9)


def test_tokens_that_are_alike_are_counted_together() -> None:
    model = tiny_model("llama")
    first, second = encode_prompt(TOKENIZER, "q")[-1], encode_prompt(TOKENIZER, "z")[-1]
    with torch.no_grad():
        weight = model.get_input_embeddings().weight
        weight[second] = weight[first] * 1.0001
    edits = [about("q", "q is"), about("z", "z is"), about("Oslo", "Oslo is")]
    ring = build_keys(model, locate(model), TOKENIZER, statistics_of(model), edits)
    index = build_index([ring], [3], model.get_input_embeddings())
    assert index is not None
    expected = math.log((3 + 6 + 1) / 2) / math.log(3 + 6 + 1)
    for key in torch.searchsorted(index.edit, torch.arange(2)).tolist():
        assert index.weights[index.starts[index.readings[key, 0]]].item() == pytest.approx(expected)
