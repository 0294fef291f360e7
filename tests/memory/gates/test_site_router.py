"""Several gates and several modules in one model: one memory answers a position, at all of its modules, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from transformers import PreTrainedModel

from tests.memory.books import HELD, codebooks, entering
from tests.memory.factors import factors, with_weights
from tests.memory.keyed import ROUTES, keyed_memories
from tests.memory.sides import (
    CLOSE,
    PROMPTS,
    TOKENIZER,
    batch,
    edited,
    forward,
    greedy,
    random_memories,
    with_threshold,
)
from tests.models import PAD, tiny_model
from wisedb.memory.gates.base import Gate
from wisedb.memory.hooks import attach, handle_of
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection, locate
from wisedb.model.tokens import pad_batch

CHOSEN = ("llama", "gpt2", "bloom", "gemma3_text", "opt")


@pytest.fixture(params=CHOSEN)
def model(request: pytest.FixtureRequest) -> Iterator[PreTrainedModel]:
    model = tiny_model(request.param)
    model.generation_config.eos_token_id = None
    yield model
    if handle := handle_of(model):
        context = handle._context
        assert (context.call, context.now.generations, context.logs) == (None, (), ())


def held(model: PreTrainedModel) -> torch.Tensor:
    """The logits of the prompts, whose ends are known, padded on the left."""
    handle, inputs = handle_of(model), batch(PROMPTS)
    assert handle is not None
    with handle.boundary(inputs["attention_mask"].sum(dim=1)):
        return forward(model, **inputs)


def agrees(model: PreTrainedModel, routes: list[int]) -> None:
    """Whatever is recorded, a batch is its rows, scoring agrees with saying, and the definition is met."""
    handle = handle_of(model)
    assert handle is not None
    inputs = batch(PROMPTS)
    real = inputs["attention_mask"].bool()
    with handle.record() as scored:
        logits = held(model)
    with handle.record() as said:
        answers = greedy(model)
    assert scored.routes.tolist() == said.routes.tolist() == routes
    assert torch.equal(greedy(model), answers)
    torch.testing.assert_close(held(model), logits)
    assert torch.equal(greedy(model, use_cache=False), answers)
    with handle.oracle(routes):
        assert torch.equal(greedy(model), answers)
        with handle.boundary(real.sum(dim=1)):
            torch.testing.assert_close(forward(model, **inputs), logits, **CLOSE)
    for row, route in enumerate(routes):
        assert torch.equal(greedy(model, [PROMPTS[row]])[0], answers[row])
        memory = None if route < 0 else handle.memories[route]
        if memory is None or isinstance(memory.change, Codebook):
            expected = edited(model, None if memory is None else route, [PROMPTS[row]])[0]
        else:
            expected = forward(with_weights(model, memory), **batch([PROMPTS[row]]))[0]
        torch.testing.assert_close(logits[row][real[row]], expected, **CLOSE)
    pairs = [(TOKENIZER(prompt)["input_ids"], answer) for prompt, answer in zip(PROMPTS, answers.tolist(), strict=True)]
    ids, mask = pad_batch([prompt + answer for prompt, answer in pairs], PAD, "right")
    labels, _ = pad_batch([[-100] * len(prompt) + answer for prompt, answer in pairs], -100, "right")
    teacher = forward(model, input_ids=ids, attention_mask=mask, labels=labels)
    scored_at = labels[:, 1:] != -100
    assert torch.equal(teacher[:, :-1].argmax(dim=-1)[scored_at], answers.flatten())


def test_memories_at_modules_of_their_own(model: PreTrainedModel) -> None:
    """A masked delta in one block and factors over two others; each prompt takes the one that it excites more."""
    masked = random_memories(locate(model, layer=1), 1)[0]
    wide = factors([locate(model, layer=0), locate(model, layer=2)], Gate("activation"), 3)
    handle = attach(model, [masked, wide])
    with handle.record() as record:
        held(model)
    # The factors stand in front: all prompts are theirs.
    assert record.routes.tolist() == [1] * len(PROMPTS)
    assert torch.isfinite(record.activations).all()
    # What the factors change in front changes what the masked delta is asked behind them, so each is measured alone.
    handle.set([masked, with_threshold(wide, 1e9)])
    with handle.record() as record:
        held(model)
    levels = record.activations
    middle = (levels[:, 1].sort().values[2:4].mean().item(), levels[:, 0].sort().values[3].item() * 0.9999)
    handle.set([with_threshold(masked, middle[1]), with_threshold(wide, middle[0])])
    routes = []
    for row in levels.tolist():
        routes.append(1 if row[1] >= middle[0] else 0 if row[0] >= middle[1] else -1)
    assert set(routes) >= {0, 1}
    agrees(model, routes)


def test_one_memory_is_decided_upon_at_its_first_module(model: PreTrainedModel) -> None:
    where = [locate(model, layer=layer) for layer in (0, 1, 2)]
    wide = factors(where, Gate("activation"), 3)
    alone = Memory("alone", factors(where[:1], seed=3).change, Gate("activation"), ("edit",))
    handle = attach(model, alone)
    with handle.record() as record:
        held(model)
    levels = record.activations[:, 0]
    handle.set(wide)
    with handle.record() as record:
        held(model)
    torch.testing.assert_close(record.activations[:, 0], levels, **CLOSE)
    threshold = levels.sort().values[3:5].mean().item()
    handle.set(with_threshold(wide, threshold))
    agrees(model, [0 if value >= threshold else -1 for value in levels.tolist()])


def test_keys_open_all_modules_of_a_memory(model: PreTrainedModel) -> None:
    where = [locate(model, layer=1), locate(model, layer=2)]
    keyed = keyed_memories(model)
    wide = [replace(memory, change=factors(where, seed=n).change) for n, memory in enumerate(keyed)]
    attach(model, wide)
    agrees(model, ROUTES)


def excited(model: PreTrainedModel, where: Projection, count: int) -> Memory:
    """A memory that the activation of ``count`` prompts opens."""
    memory = random_memories(where, 1, seed=9)[0]
    with attach(model, memory).record() as record:
        handle = handle_of(model)
        held(model)
    assert handle is not None
    handle.detach()
    levels = record.activations[:, 0].sort().values
    return replace(with_threshold(memory, float(levels[-count - 1 : levels.shape[0] - count + 1].mean())), id="excited")


def test_keys_come_first_then_distance_then_activation(model: PreTrainedModel) -> None:
    """One module: the keys name prompts 0, 3 and 6; codebooks hold 0, 3, 6 and 1; the activation opens anything."""
    where = locate(model)
    keyed = keyed_memories(model)
    last = entering(model, where, PROMPTS[1])[0][-1]
    books = codebooks(model)
    one = Codebook(where.name, last[None], torch.ones(1, where.d_model), torch.tensor([1e-3]), torch.zeros(1).long())
    extra = Memory("one", one, Gate("nearest"), ("edit",))
    open_ = replace(random_memories(where, 1, seed=9)[0], id="open")
    handle = attach(model, [open_, *books, extra, *keyed])
    assert handle.router == "keys+nearest+activation"
    routes = [0 if route < 0 else route + 4 for route in ROUTES]
    routes[1] = 3
    agrees(model, routes)
    handle.set([open_, *books, extra])
    assert handle.router == "nearest+activation"
    routes = [0 if route < 0 else route + 1 for route in ROUTES]
    routes[1] = 3
    agrees(model, routes)
    with handle.record(every=True) as record:
        held(model)
    assert set(record.scores) == {"nearest", "activation"}
    assert torch.isinf(record.scores["activation"][:, 1:]).all() and torch.isinf(record.scores["nearest"][:, :1]).all()
    assert (record.activations[[0, 6], 1] >= 0).all() and record.activations[3, 2] >= 0
    assert (record.activations[[2, 4, 5], 1:] < 0).all()


def test_outside_of_all_gates_the_model_is_untouched_to_the_bit(model: PreTrainedModel) -> None:
    before = held_before = forward(model, **batch(PROMPTS))
    said = greedy(model)
    where = locate(model)
    some = excited(model, where, 2)
    handle = attach(model, [some, *codebooks(model), *keyed_memories(model)])
    with handle.record() as record:
        logits = held(model)
    answers = greedy(model)
    closed = [row for row, route in enumerate(record.routes.tolist()) if route < 0]
    assert 0 < len(closed) < len(PROMPTS)
    for row in range(len(PROMPTS)):
        assert torch.equal(logits[row], held_before[row]) == (row in closed)
        if row in closed:
            assert torch.equal(answers[row], said[row])
    assert not torch.equal(logits, before)


def test_what_one_module_decided_holds_behind_it(model: PreTrainedModel) -> None:
    """A codebook in the second block answers; factors in the third, which would too, are silent then."""
    first, second = locate(model, layer=1), locate(model, layer=2)
    books = codebooks(model, first)
    behind = factors([second], Gate("activation"), 2)
    attach(model, [behind, *books])
    agrees(model, [0 if route < 0 else route + 1 for route in ROUTES])


def test_a_plain_forward_is_the_same_in_parts(model: PreTrainedModel) -> None:
    where = locate(model)
    some = excited(model, where, 3)
    wide = factors([locate(model, layer=0), locate(model, layer=2)], Gate("activation", 2.0), 3)
    attach(model, [some, wide, *codebooks(model), *keyed_memories(model)])
    ids = batch([" ".join(PROMPTS)])["input_ids"]
    with torch.no_grad():
        whole = model(input_ids=ids, use_cache=False).logits
        cache, parts, start = None, [], 0
        for size in (5, 1, 1, 7, 2, ids.shape[1]):
            stop = min(start + size, ids.shape[1])
            out = model(input_ids=ids[:, start:stop], past_key_values=cache, use_cache=True)
            cache, start = out.past_key_values, stop
            parts.append(out.logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, **CLOSE)


def test_a_module_in_front_of_the_keys_does_not_wait_for_them(model: PreTrainedModel) -> None:
    """A codebook in the first block, the keys from the second on: who comes first answers."""
    books = codebooks(model, locate(model, layer=0))[1:]
    keyed = keyed_memories(model)
    attach(model, [*keyed, *books])
    assert HELD[1] == (3,)
    agrees(model, [2 if row == 3 else route for row, route in enumerate(ROUTES)])


@pytest.mark.parametrize("backend", ["eager"])
def test_a_compiled_forward_is_one_graph(backend: str) -> None:
    torch._dynamo.reset()
    model = tiny_model("llama")
    model.generation_config.eos_token_id = None
    where = locate(model)
    some = excited(model, where, 3)
    wide = factors([locate(model, layer=0), locate(model, layer=2)], Gate("activation", 3.0), 3)
    attach(model, [factors([where]), some, wide, *codebooks(model), *keyed_memories(model)])
    inputs = batch(PROMPTS)
    expected, said = forward(model, **inputs, use_cache=False), greedy(model)
    model.forward = torch.compile(model.forward, backend=backend, fullgraph=True)
    try:
        torch.testing.assert_close(forward(model, **inputs, use_cache=False), expected, **CLOSE)
        assert torch.equal(greedy(model, cache_implementation="static"), said)
    finally:
        torch._dynamo.reset()


def test_an_explanation_measures_every_delta(model: PreTrainedModel) -> None:
    where = locate(model)
    some = excited(model, where, 3)
    handle = attach(model, [some, *codebooks(model), *keyed_memories(model)])
    with handle.record(every=True) as every, handle.record() as plain:
        held(model)
    levels = every.scores["activation"]
    assert torch.isfinite(levels[:, [0, 3, 4]]).all()
    assert torch.isinf(levels[:, 1:3]).all()
    torch.testing.assert_close(plain.activations, every.activations)
    assert every.routes.tolist() == plain.routes.tolist()
    # Also where the prompt comes in parts.
    ids = batch([PROMPTS[0]])["input_ids"]
    with handle.record(every=True) as whole:
        forward(model, input_ids=ids)
    with handle.record(every=True) as parts, torch.no_grad():
        cache = model(input_ids=ids[:, :3], use_cache=True).past_key_values
        model(input_ids=ids[:, 3:], past_key_values=cache)
    torch.testing.assert_close(parts.scores["activation"][-1:], whole.scores["activation"], **CLOSE)
