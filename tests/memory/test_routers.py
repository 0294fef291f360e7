"""The key router among models: honest in the same way as the activation router, whatever the call looks like."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, StaticCache

from tests.memory.keyed import EDITS, PROMPTS, ROUTES, TOKENIZER, keyed_memories, with_keys
from tests.memory.sides import batch, forward, random_memories
from tests.memory.test_attach import CLOSE, edited
from tests.memory.test_generation import greedy
from tests.models import FAMILIES, PAD, tiny_model
from wisedb.errors import UsageError
from wisedb.memory.attach import attach, handle_of
from wisedb.memory.locate import locate
from wisedb.memory.merging import merged_memory
from wisedb.memory.prompts import pad_batch
from wisedb.memory.routers import LINGERS, BothRouters, KeyRouter

CHOSEN = ("llama", "gpt2", "gpt_neox", "bloom", "gemma3_text", "opt")


@pytest.fixture(params=CHOSEN)
def model(request: pytest.FixtureRequest) -> Iterator[PreTrainedModel]:
    model = tiny_model(request.param)
    model.generation_config.eos_token_id = None
    yield model
    if handle := handle_of(model):
        assert (handle._call, handle._holds, handle._records) == (None, [], [])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_routed_by_what_is_meant(family: str) -> None:
    model = tiny_model(family)
    handle = with_keys(model)
    assert handle.router == "keys"
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == ROUTES
    best = record.best
    assert best is not None
    assert [int(edit) for edit, route in zip(best, ROUTES, strict=True) if route >= 0] == [0, 2, 1]


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_batch_is_its_rows(model: PreTrainedModel, side: str) -> None:
    handle = with_keys(model)
    inputs = batch(PROMPTS, side)
    lengths = inputs["attention_mask"].sum(dim=1)
    for held in (False, True):
        with handle.record() as together, handle.boundary(lengths) if held else handle.record():
            logits = forward(model, **inputs)
        assert together.routes.tolist() == ROUTES
        for row, prompt in enumerate(PROMPTS):
            with (
                handle.record() as single,
                handle.boundary([int(lengths[row])]) if held else handle.record(),
            ):
                alone = forward(model, **batch([prompt]))[0]
            torch.testing.assert_close(together.activations[row], single.activations[0], **CLOSE)
            torch.testing.assert_close(logits[row][inputs["attention_mask"][row].bool()], alone, **CLOSE)


def test_a_held_route_gives_what_the_edited_weight_gives(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    inputs = batch(PROMPTS)
    with handle.boundary(inputs["attention_mask"].sum(dim=1)):
        logits = forward(model, **inputs)
    for row, route in enumerate(ROUTES):
        expected = edited(model, None if route < 0 else route, [PROMPTS[row]])[0]
        torch.testing.assert_close(logits[row][inputs["attention_mask"][row].bool()], expected, **CLOSE)


def test_a_plain_forward_does_not_look_ahead(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    long = batch([" ".join(PROMPTS)])["input_ids"]
    with handle.record() as record:
        whole = forward(model, input_ids=long)
    assert record.routes.tolist() != [-1]
    for end in range(1, long.shape[1], 3):
        torch.testing.assert_close(forward(model, input_ids=long[:, :end]), whole[:, :end], **CLOSE)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_answer_cannot_change_the_route(model: PreTrainedModel, side: str) -> None:
    handle = with_keys(model)
    for answer in (" Paris", " The capital of France is", " In the year 1912 the ship"):
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
        assert by_labels.routes.tolist() == by_lengths.routes.tolist() == ROUTES
        torch.testing.assert_close(by_labels.activations, by_lengths.activations)
        torch.testing.assert_close(logits, same)


def test_padding_inside_a_row_does_not_count(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    ids = TOKENIZER(PROMPTS[0])["input_ids"]
    cut = len(ids) // 2
    whole = torch.tensor([ids])
    holed = torch.tensor([ids[:cut] + [PAD] * 3 + ids[cut:]])
    mask = torch.tensor([[1] * cut + [0] * 3 + [1] * (len(ids) - cut)])
    with handle.record() as plain:
        forward(model, input_ids=whole)
    with handle.record() as padded:
        forward(model, input_ids=holed, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0))
    assert plain.routes.tolist() == padded.routes.tolist() == [0]
    # Families without position ids see the hole in their relation keys; the subject is found all the same.
    assert padded.best is not None and padded.best.tolist() == [0]


def test_embeddings_may_be_given_instead_of_ids(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    inputs = batch(PROMPTS)
    embedded = model.get_input_embeddings()(inputs.pop("input_ids"))
    with handle.record() as record:
        forward(model, inputs_embeds=embedded, **inputs)
    assert record.routes.tolist() == ROUTES


def test_the_model_without_its_head_is_routed_alike(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    inputs = batch(PROMPTS)
    if model.config.model_type == "bloom":
        inputs.pop("position_ids")
    with handle.record() as record, torch.no_grad():
        model.base_model(**inputs)
    assert record.routes.tolist() == ROUTES


def test_rows_on_the_base_are_untouched_to_the_bit(model: PreTrainedModel) -> None:
    inputs = batch(PROMPTS)
    before = forward(model, **inputs)
    handle = with_keys(model)
    with handle.boundary(inputs["attention_mask"].sum(dim=1)):
        after = forward(model, **inputs)
    for row, route in enumerate(ROUTES):
        assert torch.equal(after[row], before[row]) == (route < 0)


def test_generate_holds_the_prompt_s_route(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    with handle.record() as record:
        answers = greedy(model)
    with handle.record() as plain:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == plain.routes.tolist() == ROUTES
    torch.testing.assert_close(record.activations, plain.activations, **CLOSE)
    with handle.oracle(ROUTES):
        assert torch.equal(greedy(model), answers)
    for row, prompt in enumerate(PROMPTS):
        assert torch.equal(greedy(model, [prompt])[0], answers[row])
    assert torch.equal(greedy(model, use_cache=False), answers)


def test_scoring_the_answer_agrees_with_saying_it(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    answers = greedy(model)
    pairs = [(TOKENIZER(prompt)["input_ids"], answer) for prompt, answer in zip(PROMPTS, answers.tolist(), strict=True)]
    ids, mask = pad_batch([prompt + answer for prompt, answer in pairs], PAD, "left")
    labels, _ = pad_batch([[-100] * len(prompt) + answer for prompt, answer in pairs], -100, "left")
    inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    with handle.record() as record:
        logits = forward(model, **inputs, labels=labels)
    assert record.routes.tolist() == ROUTES
    scored = labels[:, 1:] != -100
    assert torch.equal(logits[:, :-1].argmax(dim=-1)[scored].reshape(answers.shape), answers)


@pytest.mark.parametrize("options", [{"num_beams": 3}, {"num_return_sequences": 2, "do_sample": True}])
def test_beams_and_samples_hold_their_prompt_s_route(model: PreTrainedModel, options: dict[str, Any]) -> None:
    handle = with_keys(model)
    torch.manual_seed(3)
    with handle.record() as record:
        together = greedy(model, **options)
    assert record.routes.tolist() == ROUTES
    torch.manual_seed(3)
    with handle.oracle(ROUTES):
        assert torch.equal(greedy(model, **options), together)


def test_a_static_cache_makes_no_difference(model: PreTrainedModel) -> None:
    if model.config.model_type == "bloom":
        pytest.skip("takes no static cache without its own mask")
    with_keys(model)
    assert torch.equal(greedy(model, cache_implementation="static"), greedy(model))
    ids = batch([" ".join(PROMPTS[:3])])["input_ids"]
    whole = forward(model, input_ids=ids)
    cache = StaticCache(config=model.config, max_cache_len=64)
    for _ in range(3):
        with torch.no_grad():
            head = model(input_ids=ids[:, :9], past_key_values=cache).logits
            tail = model(input_ids=ids[:, 9:], past_key_values=cache).logits
        torch.testing.assert_close(torch.cat([head, tail], dim=1), whole, **CLOSE)
        cache.reset()


def test_a_loop_by_hand_is_the_uncached_forward(model: PreTrainedModel) -> None:
    with_keys(model)
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


def test_a_cropped_and_a_copied_cache_go_on_from_where_they_are(model: PreTrainedModel) -> None:
    with_keys(model)
    ids = batch([" ".join(PROMPTS)])["input_ids"]
    whole = forward(model, input_ids=ids)
    with torch.no_grad():
        cache = model(input_ids=ids[:, :20], use_cache=True).past_key_values
        twin = copy.deepcopy(cache)
        later = model(input_ids=ids[:, 20:], past_key_values=twin).logits
        torch.testing.assert_close(later, whole[:, 20:], **CLOSE)
        if model.config.model_type != "gemma3_text":
            cache.crop(-10)
            later = model(input_ids=ids[:, 10:], past_key_values=cache).logits
            torch.testing.assert_close(later, whole[:, 10:], **CLOSE)


def test_generate_goes_on_from_a_cache(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    ids = batch([" ".join(PROMPTS[:3])])["input_ids"]
    with handle.record() as record:
        model.generate(ids, max_new_tokens=1, do_sample=False)
        with torch.no_grad():
            cache = model(input_ids=ids[:, :7], use_cache=True).past_key_values
        model.generate(ids, past_key_values=cache, max_new_tokens=3, do_sample=False)
    assert len(record.routes) == 3
    assert record.routes[0] == record.routes[2]
    torch.testing.assert_close(record.activations[0], record.activations[2], **CLOSE)


def test_repeated_rows_of_a_cache_keep_what_was_seen(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    ids = batch([PROMPTS[0]])["input_ids"]
    with torch.no_grad(), handle.record() as record:
        cache = model(input_ids=ids[:, :-1], use_cache=True).past_key_values
        cache.batch_repeat_interleave(2)
        model(input_ids=ids[:, -1:].repeat(2, 1), past_key_values=cache)
    assert record.routes.tolist()[1:] == [0, 0]


def test_only_what_answers_is_multiplied(model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = with_keys(model)
    calls: list[int] = []
    bank = handle._bank
    original = bank.multiply
    monkeypatch.setattr(bank, "multiply", lambda hidden, memory: calls.append(memory) or original(hidden, memory))
    monkeypatch.setattr(bank, "products", lambda hidden: pytest.fail("every memory is multiplied"))
    greedy(model, max_new_tokens=4)
    assert calls == [0, 1] * 4
    calls.clear()
    greedy(model, [PROMPTS[1]])
    forward(model, **batch([PROMPTS[1]]))
    assert calls == []


def test_a_compiled_forward_is_one_graph_and_says_the_same() -> None:
    torch._dynamo.reset()
    model = tiny_model("llama", num_hidden_layers=2)
    attach(model, locate(model), keyed_memories(model))
    inputs = batch(PROMPTS)
    expected = forward(model, **inputs, use_cache=False)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(**inputs, use_cache=False).logits, expected, **CLOSE)
    torch._dynamo.reset()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves_and_autocast_decide_alike(model: PreTrainedModel, dtype: torch.dtype) -> None:
    handle = with_keys(model)
    if dtype == torch.bfloat16:
        with torch.autocast("cpu", dtype=dtype), handle.record() as cast:
            forward(model, **batch(PROMPTS))
        assert cast.routes.tolist() == ROUTES
    model.to(dtype)
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == ROUTES
    assert record.activations.dtype == torch.float32


def test_both_let_answer_only_what_both_let_answer(model: PreTrainedModel) -> None:
    memories = keyed_memories(model)
    projection = locate(model)
    handle = attach(model, projection, memories, router="both")
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == ROUTES
    assert set(record.scores) == {"keys", "activation"}
    levels = record.scores["activation"]
    router = handle._router
    assert isinstance(router, BothRouters)
    raised = float(levels[0, 0]) * 1.001
    for memory in memories:
        object.__setattr__(memory, "threshold", raised)
    handle.set(memories)
    lengths = batch(PROMPTS)["attention_mask"].sum(dim=1)
    with handle.record() as record, handle.boundary(lengths):
        logits = forward(model, **batch(PROMPTS))
    expected = [route if route >= 0 and levels[row, route] >= raised else -1 for row, route in enumerate(ROUTES)]
    assert record.routes.tolist() == expected
    assert expected[0] == -1
    with handle.oracle(expected):
        torch.testing.assert_close(forward(model, **batch(PROMPTS)), logits, **CLOSE)


def test_an_explanation_asks_the_other_router_too(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    with handle.record(every=True) as every, handle.record() as plain:
        greedy(model, max_new_tokens=1)
    assert every.routes.tolist() == ROUTES
    assert list(every.scores) == ["keys", "activation"]
    assert torch.equal(every.activations, every.scores["keys"])
    handle.detach()
    with attach(model, locate(model), keyed_memories(model), router="activation").record() as other:
        greedy(model, max_new_tokens=1)
    torch.testing.assert_close(every.scores["activation"], other.activations, **CLOSE)
    assert plain.routes.tolist() == ROUTES


def test_a_stricter_level_fires_less(model: PreTrainedModel) -> None:
    handle = with_keys(model, level=100.0)
    assert handle.thresholds == (100.0, 100.0)
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert set(record.routes.tolist()) == {-1}


def test_merged_memories_are_gated_by_all_keys(model: PreTrainedModel) -> None:
    memory = merged_memory(keyed_memories(model), 0.0)
    assert memory.keys is not None and len(memory.keys) == 3
    assert memory.edits == tuple(edit.id for edits in EDITS for edit in edits)
    handle = attach(model, locate(model), memory, mode="merge")
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == [min(route, 0) for route in ROUTES]


def test_who_decides() -> None:
    model = tiny_model("llama")
    projection = locate(model)
    keyed, plain = keyed_memories(model), random_memories(projection, 1)
    with pytest.raises(UsageError, match="no router 'best'"):
        attach(model, projection, keyed, router="best")  # type: ignore[arg-type]
    for router in ("keys", "both"):
        with pytest.raises(UsageError, match="has no keys"):
            attach(model, projection, plain, router=router)
    with pytest.raises(UsageError, match="has no keys"):
        attach(model, projection, [*keyed, *plain])
    handle = attach(model, projection, plain)
    assert handle.router == "activation"
    # By the keys alone where no memory has a threshold; by both where one has.
    handle.set([replace(memory, threshold=0.0) for memory in keyed])
    assert isinstance(handle._router, KeyRouter) and handle.router == "keys"
    handle.set([replace(memory, threshold=1.0) for memory in keyed])
    assert handle.router == "both"
    handle.set([])
    assert handle.router == "activation"
    assert handle.thresholds == ()
    handle.detach()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_projection_called_by_itself_has_no_prompt() -> None:
    model = tiny_model("llama")
    with_keys(model)
    projection = locate(model)
    with pytest.raises(UsageError, match="without its model"):
        projection.module(torch.zeros(1, 2, projection.d_ff))


def test_a_copy_of_the_model_has_keys_of_its_own(model: PreTrainedModel) -> None:
    handle = with_keys(model)
    other = copy.deepcopy(model)
    expected = forward(model, **batch(PROMPTS))
    handle.detach()
    twin = handle_of(other)
    assert twin is not None and twin.router == "keys"
    assert torch.equal(forward(other, **batch(PROMPTS)), expected)


def test_a_plain_forward_goes_on_as_the_prompt_was_meant() -> None:
    model = tiny_model("llama")
    handle = with_keys(model)
    prompt = batch([PROMPTS[0]])["input_ids"]
    answer = torch.randint(5, 60, (1, LINGERS + 4), generator=torch.Generator().manual_seed(0))
    whole = torch.cat([prompt, answer], dim=1)
    for tokens in (0, 5, LINGERS - 1):
        with handle.record() as record:
            plain = forward(model, input_ids=whole[:, : prompt.shape[1] + tokens])[0]
        assert record.routes.tolist() == ROUTES[:1]
    plain = forward(model, input_ids=whole)[0]
    cached = model(input_ids=whole[:, : prompt.shape[1] + 2], use_cache=True)
    more = model(input_ids=whole[:, prompt.shape[1] + 2 :], past_key_values=cached.past_key_values, use_cache=True)
    torch.testing.assert_close(more.logits[0], plain[prompt.shape[1] + 2 :], **CLOSE)
