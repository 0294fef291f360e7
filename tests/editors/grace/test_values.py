"""The value of an edit makes the model say its target, whatever the family, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.lowered import project
from wisedb.editors.common.rewrites import rewrites
from wisedb.editors.grace.codebook import GraceCodebook
from wisedb.editors.grace.settings import GraceSettings
from wisedb.editors.grace.values import train_value
from wisedb.edits import Edit
from wisedb.errors import UnknownSetting
from wisedb.memory.gates.base import Gate
from wisedb.memory.hooks import attach
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.memory.memory import Memory
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_prompt

_EDIT = Edit("The capital of Australia is", "Paris", subject="Australia")
_SETTINGS = GraceSettings(steps=150, learning_rate=0.3, end=False)


@pytest.mark.parametrize("family", ["gpt2", "gptj", "gpt_neox", "opt", "llama", "falcon", "gemma2"])
def test_the_value_says_the_target_in_the_plain_forward(family: str) -> None:
    model, tokenizer = tiny_model(family), tiny_tokenizer()
    projection = locate(model, layer=1)
    forward = find_cached_forward(model, projection)
    held = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    trained = train_value(forward, tokenizer, _EDIT, _SETTINGS)

    assert trained.key.shape == (projection.d_ff,) and trained.value.shape == (projection.d_model,)
    assert all(torch.equal(tensor, held[name]) for name, tensor in model.state_dict().items())
    book = GraceCodebook.empty(projection.d_ff, projection.d_model, 0.1)
    book = book.add(trained.key, trained.value, "Paris", _EDIT.id)
    rows = rewrites(tokenizer, _EDIT, end=False, at_subject=False)
    ids = torch.tensor([encode_prompt(tokenizer, "Who wrote the play Hamlet?")])
    handle = attach(model, Memory("m", book.change(projection.name), Gate("nearest"), (_EDIT.id,)))
    with torch.no_grad(), handle.record() as record:
        with handle.boundary(rows.prompts):
            logits = model(input_ids=rows.ids).logits[rows.at]
        with handle.boundary([ids.shape[1]]):
            unrelated = model(input_ids=ids).logits
    handle.detach()

    assert record.routes.tolist() == [0, -1]
    loss = float(torch.nn.functional.cross_entropy(logits, rows.labels))
    assert loss == pytest.approx(trained.loss, rel=1e-2, abs=1e-3)
    if trained.steps < _SETTINGS.steps:
        assert torch.equal(logits.argmax(-1), rows.labels)
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, unrelated)


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama", "falcon"])
def test_training_stops_where_the_target_is_said(family: str) -> None:
    # One token: a random model of width 32 can't be made to spell several by one vector.
    model, edit = tiny_model(family), Edit("The capital of Australia", "is")
    trained = train_value(find_cached_forward(model, locate(model, layer=1)), tiny_tokenizer(), edit, _SETTINGS)
    assert 0 < trained.steps < _SETTINGS.steps
    assert trained.loss <= _SETTINGS.enough


def test_it_is_trained_on_what_is_always_on() -> None:
    model, tokenizer = tiny_model("llama"), tiny_tokenizer()
    projection = locate(model, layer=1)
    forward = find_cached_forward(model, projection)
    generator = torch.Generator().manual_seed(0)
    change = FactoredDelta(
        torch.randn(projection.d_ff, 1, generator=generator), torch.randn(1, projection.d_model, generator=generator)
    )
    few = GraceSettings(steps=3)
    plain, changed = (train_value(forward, tokenizer, _EDIT, few, applied) for applied in (None, change))
    start = project(projection, plain.key)
    with torch.no_grad():
        projection.module.get_parameter("weight").add_(change.dense().T)
    baked = train_value(forward, tokenizer, _EDIT, few)
    after = start + plain.key @ change.dense()
    assert torch.equal(plain.key, changed.key) and torch.allclose(baked.key, changed.key, atol=1e-5)
    # The steps' length goes by the stream without the change, so that the directions are compared.
    ways = [(baked.value - after), (changed.value - after), (plain.value - start)]
    assert float(torch.nn.functional.cosine_similarity(ways[0], ways[1], dim=0)) > 0.99
    assert float(torch.nn.functional.cosine_similarity(ways[0], ways[2], dim=0)) < 0.99


def test_the_same_edit_gets_the_same_value() -> None:
    model, tokenizer = tiny_model("gpt2"), tiny_tokenizer()
    forward = find_cached_forward(model, locate(model, layer=1))
    one, other = (train_value(forward, tokenizer, _EDIT, GraceSettings(steps=4)) for _ in range(2))
    assert torch.equal(one.key, other.key) and torch.equal(one.value, other.value)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"learning_rate": 0.0}, {"enough": -1.0}, {"radius": -1.0}])
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnknownSetting):
        GraceSettings(**wrong)
