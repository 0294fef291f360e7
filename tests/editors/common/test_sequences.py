"""Sequences and minibatches: what is answer, what is prompt, what is padding."""

from __future__ import annotations

import pytest

from tests.editors.keyed.fixtures import EDITS, POOL, prepared, trained_on
from wisedb.editors.common.sequences import cached, collate
from wisedb.model.tokens import encode_pair


def test_an_edit_stands_bare_and_behind_each_context() -> None:
    base = prepared("llama")
    found = trained_on(base, EDITS[0])
    for sequence, prefix in zip(found, ("", *(f"{context} " for context in POOL.contexts)), strict=True):
        prompt, answer = encode_pair(base.tokenizer, prefix + EDITS[0].prompt, EDITS[0].target, end=True)
        assert sequence.ids.tolist() == prompt + answer
        assert sequence.prompt == len(prompt)
        assert sequence.ids[-1] == base.tokenizer.eos_token_id


def test_a_minibatch_knows_where_the_answers_are_predicted() -> None:
    base = prepared("llama")
    chosen = [trained_on(base, EDITS[0])[1], trained_on(base, EDITS[3])[0]]
    (batch,) = collate(chosen)
    assert batch.ids[batch.at[0], batch.at[1] + 1].tolist() == batch.labels.tolist()
    assert batch.labels.tolist() == [token for each in chosen for token in each.ids[each.prompt :].tolist()]
    assert float(batch.weights.sum()) == pytest.approx(1.0)
    for number in range(2):
        assert float(batch.weights[batch.at[0] == number].sum()) == pytest.approx(0.5)


def test_padding_has_no_features() -> None:
    found = trained_on(prepared("llama"), EDITS[0])
    (batch,) = collate(found)
    assert batch.ids.shape[1] > len(found[0].ids)
    for number, sequence in enumerate(found):
        assert batch.features[number, : len(sequence.ids)].equal(sequence.features)
        assert not batch.features[number, len(sequence.ids) :].any()


def test_nothing_is_cached_of_nothing() -> None:
    assert cached(prepared("llama").forward, []) == ()


def test_a_sequence_knows_its_size() -> None:
    base = prepared("llama")
    sequence = trained_on(base, EDITS[0])[0]
    width = base.projection.d_ff + base.projection.d_model
    assert sequence.hidden is not None
    assert sequence.size == len(sequence.ids) * (8 + 4 * width)
