"""Whoever decides is honest in ``generate``: the prompt's route is held, whatever cache, beams, samples or calls."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import torch
from transformers import PreTrainedModel, StaticCache

from tests.memory.keyed import MEANT, routed
from tests.memory.sides import CLOSE, NEW, PROMPTS, TOKENIZER, batch, forward, greedy
from tests.models import PAD, tiny_model
from wisedb.memory.hooks import handle_of
from wisedb.model.tokens import pad_batch

CHOSEN = ("llama", "gpt2", "gpt_neox", "bloom", "gemma2", "opt")
Side = Literal["left", "right"]

pytestmark = pytest.mark.parametrize("router", ["activation", "keys", "nearest", "rows", "overlap"])


@pytest.fixture(params=CHOSEN)
def model(request: pytest.FixtureRequest) -> Iterator[PreTrainedModel]:
    model = tiny_model(request.param)
    # Untrained models end their answers at any time: these shall go on.
    model.generation_config.eos_token_id = None
    yield model
    if handle := handle_of(model):
        context = handle._context
        assert (context.call, context.now.generations, context.logs) == (None, (), ())


def test_generate_holds_the_prompt_s_route(model: PreTrainedModel, router: str) -> None:
    handle, routes = routed(model, router)
    with handle.record() as record:
        answers = greedy(model)
    with handle.record() as plain:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == plain.routes.tolist() == routes
    torch.testing.assert_close(record.activations, plain.activations, **CLOSE)
    with handle.oracle(routes, MEANT):
        assert torch.equal(greedy(model), answers)
    for row, prompt in enumerate(PROMPTS):
        assert torch.equal(greedy(model, [prompt])[0], answers[row])
    assert torch.equal(greedy(model, use_cache=False), answers)
    if model._supports_default_dynamic_cache() and model.config.model_type != "bloom":
        assert torch.equal(greedy(model, cache_implementation="static"), answers)


@pytest.mark.parametrize("side", ["left", "right"])
def test_scoring_the_answer_agrees_with_saying_it(model: PreTrainedModel, router: str, side: Side) -> None:
    handle, routes = routed(model, router)
    answers = greedy(model)
    pairs = [(TOKENIZER(prompt)["input_ids"], answer) for prompt, answer in zip(PROMPTS, answers.tolist(), strict=True)]
    ids, mask = pad_batch([prompt + answer for prompt, answer in pairs], PAD, side)
    labels, _ = pad_batch([[-100] * len(prompt) + answer for prompt, answer in pairs], -100, side)
    inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    with handle.record() as record:
        logits = forward(model, **inputs, labels=labels)
    assert record.routes.tolist() == routes
    scored = labels[:, 1:] != -100
    assert torch.equal(logits[:, :-1].argmax(dim=-1)[scored].reshape(len(PROMPTS), NEW), answers)


@pytest.mark.parametrize(
    "options",
    [
        {"num_beams": 3},
        {"num_beams": 4, "num_return_sequences": 2, "do_sample": True},
        {"num_return_sequences": 3, "do_sample": True, "top_k": 5},
    ],
)
def test_beams_and_samples_hold_their_prompt_s_route(
    model: PreTrainedModel, router: str, options: dict[str, Any]
) -> None:
    handle, routes = routed(model, router)
    torch.manual_seed(3)
    with handle.record() as record:
        together = greedy(model, **options)
    assert record.routes.tolist() == routes
    # The oracle knows the prompts alone, not the beams: if routes moved with them, these would differ.
    torch.manual_seed(3)
    with handle.oracle(routes, MEANT):
        assert torch.equal(greedy(model, **options), together)
    torch.manual_seed(3)
    assert torch.equal(greedy(model, **options, use_cache=False), together)
    if not options.get("do_sample"):
        for row, prompt in enumerate(PROMPTS):
            assert torch.equal(greedy(model, [prompt], **options)[0], together[row])


def test_a_static_cache_by_hand(model: PreTrainedModel, router: str) -> None:
    if model.config.model_type == "bloom":
        pytest.skip("takes no static cache without its own mask")
    routed(model, router)
    ids = batch([" ".join(PROMPTS[:3])])["input_ids"]
    whole = forward(model, input_ids=ids)
    cache = StaticCache(config=model.config, max_cache_len=64)
    for _ in range(3):
        with torch.no_grad():
            head = model(input_ids=ids[:, :9], past_key_values=cache).logits
            tail = model(input_ids=ids[:, 9:], past_key_values=cache).logits
        torch.testing.assert_close(torch.cat([head, tail], dim=1), whole, **CLOSE)
        cache.reset()


def test_a_loop_by_hand_is_the_uncached_forward(model: PreTrainedModel, router: str) -> None:
    handle, _ = routed(model, router)
    inputs = batch([" ".join(PROMPTS[:4]), " ".join(PROMPTS[3:])])
    ids, mask, positions = inputs["input_ids"], inputs["attention_mask"], inputs["position_ids"]
    places = {} if model.config.model_type in ("bloom", "mpt") else {"position_ids": positions}
    with torch.no_grad():
        whole = model(input_ids=ids, attention_mask=mask, **places, use_cache=False).logits
        cache, parts, start = None, [], 0
        for size in (5, 1, 1, 7, ids.shape[1]):
            stop = min(start + size, ids.shape[1])
            here = {name: value[:, start:stop] for name, value in places.items()}
            out = model(
                input_ids=ids[:, start:stop],
                attention_mask=mask[:, :stop],
                **here,
                past_key_values=cache,
                use_cache=True,
            )
            cache, start = out.past_key_values, stop
            parts.append(out.logits)
    real = mask.bool()
    torch.testing.assert_close(torch.cat(parts, dim=1)[real], whole[real], **CLOSE)
    with handle.oracle([-1, -1]):
        assert not torch.allclose(forward(model, **inputs)[real], whole[real], **CLOSE)


def test_a_cropped_and_a_copied_cache_go_on_from_where_they_are(model: PreTrainedModel, router: str) -> None:
    routed(model, router)
    ids = batch([" ".join(PROMPTS)])["input_ids"]
    whole = forward(model, input_ids=ids)
    with torch.no_grad():
        cache = model(input_ids=ids[:, :20], use_cache=True).past_key_values
        twin = copy.deepcopy(cache)
        later = model(input_ids=ids[:, 20:], past_key_values=twin).logits
        torch.testing.assert_close(later, whole[:, 20:], **CLOSE)
        if model.config.model_type != "gemma2":
            cache.crop(-10)
            assert cache.get_seq_length() == 10
            # In several calls, so that what was cut off would count if it were still there.
            later = [
                model(input_ids=ids[:, a:b], past_key_values=cache).logits for a, b in ((10, 14), (14, ids.shape[1]))
            ]
            torch.testing.assert_close(torch.cat(later, dim=1), whole[:, 10:], **CLOSE)


def test_repeated_rows_of_a_cache_go_on(model: PreTrainedModel, router: str) -> None:
    routed(model, router)
    ids = batch([" ".join(PROMPTS)])["input_ids"]
    whole = forward(model, input_ids=ids)
    with torch.no_grad():
        cache = model(input_ids=ids[:, :8], use_cache=True).past_key_values
        cache.batch_repeat_interleave(2)
        for first, last in ((8, 9), (9, 12), (12, ids.shape[1])):
            later = model(input_ids=ids[:, first:last].repeat(2, 1), past_key_values=cache).logits
            torch.testing.assert_close(later, whole[:, first:last].repeat(2, 1, 1), **CLOSE)


def test_generate_goes_on_from_a_cache(model: PreTrainedModel, router: str) -> None:
    handle, _ = routed(model, router)
    ids = batch([" ".join(PROMPTS[:3])])["input_ids"]
    with handle.record() as record:
        model.generate(ids, max_new_tokens=1, do_sample=False)
        with torch.no_grad():
            cache = model(input_ids=ids[:, :7], use_cache=True).past_key_values
        model.generate(ids, past_key_values=cache, max_new_tokens=3, do_sample=False)
    assert len(record.routes) == 3
    assert record.routes[0] == record.routes[2]
    torch.testing.assert_close(record.activations[0], record.activations[2], **CLOSE)
