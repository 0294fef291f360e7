"""Prompt and answer must fit into the model's positions together."""

from __future__ import annotations

import pytest

from tests.editors.keyed.fixtures import EDITS, prepared
from wisedb.editors.common.limits import ensure_fits, ensure_fits_model
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.model.tokens import context_length, encode_pair


def test_a_model_says_how_much_it_reads() -> None:
    assert context_length(prepared("gpt2", n_positions=24).model) == 24


def test_an_edit_may_fill_the_model_to_the_last_position() -> None:
    base = prepared("gpt2", n_positions=64)
    for words in range(1, 60):
        edit = Edit(EDITS[0].prompt, " ".join(["play"] * words))
        prompt, answer = encode_pair(base.tokenizer, edit.prompt, edit.target, end=True)
        if len(prompt) + len(answer) <= 64:
            ensure_fits_model(base.model, base.tokenizer, [EDITS[1], edit])
        else:
            with pytest.raises(TrainingFailed, match=f"{len(prompt)} tokens and its target {len(answer)}"):
                ensure_fits_model(base.model, base.tokenizer, [EDITS[1], edit])


def test_the_refusal_is_one_line() -> None:
    with pytest.raises(TrainingFailed) as refused:
        ensure_fits("A prompt\nof lines " * 20, 100, 200, 256)
    assert "\n" not in str(refused.value) and refused.value.hint


def test_a_model_without_a_limit_takes_all() -> None:
    ensure_fits("x", 10**6, 10**6, None)
