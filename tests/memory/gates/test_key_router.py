"""The key router among models: honest in the same way as the activation router, whatever the call looks like."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from tests.memory.keyed import EDITS, PROMPTS, ROUTES, TOKENIZER, behind, keyed_memories, with_keys
from tests.memory.sides import CLOSE, batch, forward, greedy, random_memories, with_threshold
from tests.models import FAMILIES, PAD, tiny_model
from wisedb.errors import UsageError
from wisedb.memory.gates.key_router import LOOK_BACK
from wisedb.memory.hooks import attach, handle_of
from wisedb.memory.kinds.additive import DenseDelta
from wisedb.memory.merging import merged_memory
from wisedb.model.locate import locate

CHOSEN = ("llama", "gpt2", "gpt_neox", "bloom", "gemma3_text", "opt")


@pytest.fixture(params=CHOSEN)
def model(request: pytest.FixtureRequest) -> Iterator[PreTrainedModel]:
    model = tiny_model(request.param)
    model.generation_config.eos_token_id = None
    yield model
    if handle := handle_of(model):
        context = handle._context
        assert (context.call, context.now.generations, context.logs) == (None, (), ())


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
    (site,) = handle._hooks.sites.values()
    placed = [site.bank.placed(number) for number in (0, 1)]
    product = DenseDelta.product

    def watched(self: DenseDelta, inputs: torch.Tensor) -> torch.Tensor:
        calls.append(next(number for number, one in enumerate(placed) if one is self))
        return product(self, inputs)

    monkeypatch.setattr(DenseDelta, "product", watched)
    greedy(model, max_new_tokens=4)
    assert calls == [0, 1] * 4
    calls.clear()
    greedy(model, [PROMPTS[1]])
    forward(model, **batch([PROMPTS[1]]))
    assert calls == []


def test_a_compiled_forward_is_one_graph_and_says_the_same() -> None:
    torch._dynamo.reset()
    model = tiny_model("llama", num_hidden_layers=2)
    attach(model, keyed_memories(model))
    inputs = batch(PROMPTS)
    expected = forward(model, **inputs, use_cache=False)
    compiled: Any = torch.compile(model, backend="eager", fullgraph=True)
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
    handle = attach(model, behind(memories, "both"))
    assert handle.router == "both"
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == ROUTES
    assert set(record.scores) == {"keys", "activation"}
    levels = record.scores["activation"]
    raised = float(levels[0, 0]) * 1.001
    handle.set([with_threshold(memory, raised) for memory in memories])
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
    with attach(model, behind(keyed_memories(model), "activation")).record() as other:
        greedy(model, max_new_tokens=1)
    torch.testing.assert_close(every.scores["activation"], other.activations, **CLOSE)
    assert plain.routes.tolist() == ROUTES


def test_a_stricter_level_fires_less(model: PreTrainedModel) -> None:
    handle = with_keys(model, key_threshold=100.0)
    assert handle.thresholds == (100.0, 100.0)
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert set(record.routes.tolist()) == {-1}


def test_merged_memories_are_gated_by_all_keys(model: PreTrainedModel) -> None:
    memory = merged_memory(keyed_memories(model), 0.0)
    assert memory.gate.name == "keys"
    assert memory.gate.keys is not None and memory.gate.keys.edits == 3
    assert memory.edits == tuple(edit.id for edits in EDITS for edit in edits)
    handle = attach(model, memory)
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == [min(route, 0) for route in ROUTES]


def test_who_decides() -> None:
    model = tiny_model("llama")
    projection = locate(model)
    keyed, plain = keyed_memories(model), random_memories(projection, 1)
    handle = attach(model, plain)
    assert (handle.router, handle.thresholds) == ("activation", (0.0,))
    handle.set([with_threshold(memory, 0.0) for memory in keyed])
    assert (handle.router, handle.thresholds) == ("keys", (0.0, 0.0))
    handle.set([with_threshold(memory, 1.0) for memory in keyed])
    assert (handle.router, handle.thresholds) == ("both", (0.0, 0.0))
    handle.set([*(with_threshold(memory, 2.5) for memory in plain), keyed[0], with_threshold(keyed[1], 1.0)])
    assert (handle.router, handle.thresholds) == ("keys+both+activation", (2.5, 0.0, 0.0))
    handle.set([])
    assert handle.router is None
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
    answer = torch.randint(5, 60, (1, LOOK_BACK + 4), generator=torch.Generator().manual_seed(0))
    whole = torch.cat([prompt, answer], dim=1)
    for tokens in (0, 5, LOOK_BACK - 1):
        with handle.record() as record:
            plain = forward(model, input_ids=whole[:, : prompt.shape[1] + tokens])[0]
        assert record.routes.tolist() == ROUTES[:1]
    plain = forward(model, input_ids=whole)[0]
    cached = model(input_ids=whole[:, : prompt.shape[1] + 2], use_cache=True)
    more = model(input_ids=whole[:, prompt.shape[1] + 2 :], past_key_values=cached.past_key_values, use_cache=True)
    torch.testing.assert_close(more.logits[0], plain[prompt.shape[1] + 2 :], **CLOSE)
