"""Whoever decides is honest in a forward: each row has its own route, from its prompt alone, wherever that stands."""

from __future__ import annotations

import pytest
import torch
from transformers import PreTrainedModel

from tests.memory.keyed import MEANT, routed
from tests.memory.sides import CLOSE, PROMPTS, TOKENIZER, batch, edited, forward
from tests.models import tiny_model

CHOSEN = ("llama", "gpt2", "gpt_neox", "bloom", "gemma3_text", "opt")

pytestmark = pytest.mark.parametrize("router", ["activation", "keys", "nearest", "rows", "overlap"])


@pytest.fixture(params=CHOSEN)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    return tiny_model(request.param)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_batch_is_its_rows(model: PreTrainedModel, router: str, side: str) -> None:
    handle, routes = routed(model, router)
    inputs = batch(PROMPTS, side)
    lengths = inputs["attention_mask"].sum(dim=1)
    for held in (False, True):
        with handle.record() as together, handle.boundary(lengths) if held else handle.record():
            logits = forward(model, **inputs)
        assert together.routes.tolist() == routes
        for row, prompt in enumerate(PROMPTS):
            with handle.record() as single, handle.boundary([int(lengths[row])]) if held else handle.record():
                alone = forward(model, **batch([prompt]))[0]
            torch.testing.assert_close(together.activations[row], single.activations[0], **CLOSE)
            torch.testing.assert_close(logits[row][inputs["attention_mask"][row].bool()], alone, **CLOSE)


def test_a_held_route_gives_what_the_edited_weight_gives(model: PreTrainedModel, router: str) -> None:
    handle, routes = routed(model, router)
    inputs = batch(PROMPTS)
    with handle.boundary(inputs["attention_mask"].sum(dim=1)):
        logits = forward(model, **inputs)
    for row, route in enumerate(routes):
        expected = edited(model, None if route < 0 else route, [PROMPTS[row]], MEANT[row])[0]
        torch.testing.assert_close(logits[row][inputs["attention_mask"][row].bool()], expected, **CLOSE)


def test_a_plain_forward_does_not_look_ahead(model: PreTrainedModel, router: str) -> None:
    long = batch([" ".join(PROMPTS)])["input_ids"]
    before = forward(model, input_ids=long)
    handle, _ = routed(model, router)
    with handle.record() as record:
        whole = forward(model, input_ids=long)
    assert router not in ("keys", "rows") or record.routes.tolist() != [-1]
    assert not torch.allclose(whole, before, **CLOSE)
    for end in range(1, long.shape[1], 3):
        torch.testing.assert_close(forward(model, input_ids=long[:, :end]), whole[:, :end], **CLOSE)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    "answer", [" Paris", " The capital of France is", " In the year 1912 the ship", " 7 + 5 = 東京は Hamlet", "A" * 27]
)
def test_the_answer_cannot_change_the_route(model: PreTrainedModel, router: str, side: str, answer: str) -> None:
    handle, routes = routed(model, router)
    ids = [TOKENIZER(prompt)["input_ids"] for prompt in PROMPTS]
    inputs = batch([prompt + answer for prompt in PROMPTS], side)
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    for row, prompt in enumerate(ids):
        first = int(inputs["attention_mask"][row].argmax())
        labels[row, first : first + len(prompt)] = -100
    with handle.record() as by_labels:
        logits = forward(model, **inputs, labels=labels)
    with handle.record() as by_lengths, handle.boundary([len(prompt) for prompt in ids]):
        same = forward(model, **inputs)
    assert by_labels.routes.tolist() == by_lengths.routes.tolist() == routes
    torch.testing.assert_close(by_labels.activations, by_lengths.activations)
    torch.testing.assert_close(logits, same)


def test_embeddings_may_be_given_instead_of_ids(model: PreTrainedModel, router: str) -> None:
    handle, routes = routed(model, router)
    inputs = batch(PROMPTS)
    expected = forward(model, **inputs)
    embedded = model.get_input_embeddings()(inputs.pop("input_ids"))
    with handle.record() as record:
        logits = forward(model, inputs_embeds=embedded, **inputs)
    assert record.routes.tolist() == routes
    torch.testing.assert_close(logits, expected, **CLOSE)


def test_the_model_without_its_head_is_routed_alike(model: PreTrainedModel, router: str) -> None:
    handle, routes = routed(model, router)
    inputs = batch(PROMPTS)
    if model.config.model_type == "bloom":
        inputs.pop("position_ids")
    with handle.record() as record, torch.no_grad():
        model.base_model(**inputs)
    assert record.routes.tolist() == routes


def test_rows_on_the_base_are_untouched_to_the_bit(model: PreTrainedModel, router: str) -> None:
    inputs = batch(PROMPTS)
    before = forward(model, **inputs)
    handle, routes = routed(model, router)
    with handle.boundary(inputs["attention_mask"].sum(dim=1)):
        after = forward(model, **inputs)
    for row, route in enumerate(routes):
        assert torch.equal(after[row], before[row]) == (route < 0)
