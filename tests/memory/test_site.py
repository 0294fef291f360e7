"""What is always on is as good as in the weights, and adds to whatever answers on top of it."""

from __future__ import annotations

import pytest
import torch
from transformers import PreTrainedModel

from tests.memory.books import codebooks
from tests.memory.factors import ALWAYS, factors, with_weights
from tests.memory.keyed import ROUTES, keyed_memories, with_keys
from tests.memory.sides import CLOSE, PROMPTS, batch, forward, greedy, random_memories
from tests.models import FAMILIES, tiny_model
from wisedb.errors import UsageError
from wisedb.memory.gates.base import Gate
from wisedb.memory.hooks import attach
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection, locate

CHOSEN = ("llama", "gpt2", "bloom", "gemma3_text", "opt")


@pytest.fixture(params=CHOSEN)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    model = tiny_model(request.param)
    model.generation_config.eos_token_id = None
    return model


def two(model: PreTrainedModel) -> list[Projection]:
    """The FFN projections of the first and the second block."""
    return [locate(model, layer=0), locate(model, layer=1)]


@pytest.mark.parametrize("family", FAMILIES)
def test_always_on_is_as_good_as_in_the_weights(family: str) -> None:
    model = tiny_model(family)
    model.generation_config.eos_token_id = None
    memory = factors(two(model))
    expected, before = with_weights(model, memory), forward(model, **batch(PROMPTS))
    handle = attach(model, memory)
    assert (handle.router, handle.memories, handle.always_on, handle.thresholds) == (None, (), (memory,), ())
    for side in ("left", "right"):
        inputs = batch(PROMPTS, side)
        logits, real = forward(model, **inputs), inputs["attention_mask"].bool()
        torch.testing.assert_close(logits[real], forward(expected, **inputs)[real], **CLOSE)
    assert not torch.allclose(forward(model, **batch(PROMPTS)), before, **CLOSE)
    assert torch.equal(greedy(model), greedy(expected))
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == [] and record.activations.shape == (0, 0)
    handle.detach()
    assert torch.equal(forward(model, **batch(PROMPTS)), before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_masked_delta_may_be_always_on_too(model: PreTrainedModel) -> None:
    masked = random_memories(locate(model), 1)[0]
    memory = Memory("on", masked.change, ALWAYS, masked.edits)
    expected = with_weights(model, memory)
    attach(model, memory)
    torch.testing.assert_close(forward(model, **batch(PROMPTS)), forward(expected, **batch(PROMPTS)), **CLOSE)


def test_several_that_are_always_on_add_up(model: PreTrainedModel) -> None:
    where = two(model)
    memories = [factors(where, seed=1, id="a"), factors(where[1:], seed=2, id="b"), factors(where[:1], seed=3, id="c")]
    expected = with_weights(model, *memories)
    handle = attach(model, memories)
    torch.testing.assert_close(forward(model, **batch(PROMPTS)), forward(expected, **batch(PROMPTS)), **CLOSE)
    handle.set(memories[:1])
    expected = with_weights(model, memories[0])
    torch.testing.assert_close(forward(model, **batch(PROMPTS)), forward(expected, **batch(PROMPTS)), **CLOSE)
    handle.set([])
    assert torch.equal(forward(model, **batch(PROMPTS)), forward(with_weights(model), **batch(PROMPTS)))


@pytest.mark.parametrize("cache_bytes", [1 << 26, 0])
def test_always_on_and_gated_add_up(model: PreTrainedModel, cache_bytes: int) -> None:
    where = locate(model)
    # Behind what keys are compared on, so that the same prompts are meant.
    on = factors([where], seed=5)
    gated = keyed_memories(model)
    handle = attach(model, [on, *gated], cache_bytes=cache_bytes)
    assert handle.memories == tuple(gated) and handle.always_on == (on,)
    inputs = batch(PROMPTS)
    with handle.record() as record, handle.boundary(inputs["attention_mask"].sum(dim=1)):
        logits = forward(model, **inputs)
    assert record.routes.tolist() == ROUTES
    answers = greedy(model)
    for row, route in enumerate(ROUTES):
        expected = with_weights(model, on, *([gated[route]] if route >= 0 else []))
        alone = batch([PROMPTS[row]])
        torch.testing.assert_close(
            logits[row][inputs["attention_mask"][row].bool()], forward(expected, **alone)[0], **CLOSE
        )
        assert torch.equal(answers[row], greedy(expected, [PROMPTS[row]])[0])


def test_where_no_gate_opens_always_on_alone_speaks_to_the_bit(model: PreTrainedModel) -> None:
    on = factors(two(model), seed=5)
    handle = attach(model, on)
    inputs = batch(PROMPTS)
    expected, said = forward(model, **inputs), greedy(model)
    where = two(model)
    quiet = [factors(where, Gate("activation", 1e9), 1, "a"), *codebooks(model)]
    handle.set([on, *quiet])
    closed = [row for row, route in enumerate(ROUTES) if route < 0]
    with handle.record() as record, handle.boundary(inputs["attention_mask"].sum(dim=1)):
        logits = forward(model, **inputs)
    answers = greedy(model)
    assert {record.routes[row].item() for row in closed} == {-1}
    assert torch.equal(logits[closed], expected[closed])
    assert torch.equal(answers[closed], said[closed])
    with handle.oracle([-1] * len(PROMPTS)):
        assert torch.equal(forward(model, **inputs), expected)
        assert torch.equal(greedy(model), said)


def test_another_dtype_is_placed_anew(model: PreTrainedModel) -> None:
    memory = factors(two(model))
    attach(model, memory)
    whole = forward(model, **batch(PROMPTS))
    half = forward(model.to(torch.bfloat16), **batch(PROMPTS))
    assert half.dtype == torch.bfloat16
    assert (half.float() - whole).norm() < 0.2 * whole.norm()
    assert torch.equal(forward(model.to(torch.float32), **batch(PROMPTS)).isfinite().all(), torch.tensor(True))


def test_keys_that_come_too_late_are_refused() -> None:
    model = tiny_model("llama")
    handle = with_keys(model)
    before = forward(model, **batch(PROMPTS))
    early = keyed_memories(model, locate(model, layer=0))
    with pytest.raises(UsageError, match="compared at block 1"):
        handle.set(early)
    assert torch.equal(forward(model, **batch(PROMPTS)), before)


def test_a_shape_of_another_module_is_refused() -> None:
    model, other = tiny_model("llama"), tiny_model("llama", intermediate_size=40)
    for gate in (ALWAYS, Gate("activation")):
        with pytest.raises(UsageError, match="the shape"):
            attach(model, factors([locate(other)], gate))
