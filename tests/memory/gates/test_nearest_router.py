"""Codebooks among models: a key answers within its radius, from the prompt's last token to the end of the answer.

That a batch is its rows, that scoring agrees with saying, caches, beams and samples are asked of codebooks as of any
other gate: :mod:`tests.memory.test_honest`, :mod:`tests.memory.test_honest_generation`.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from transformers import PreTrainedModel

from tests.memory.books import codebooks, entering, with_codebooks
from tests.memory.keyed import ROUTES
from tests.memory.sides import CLOSE, NEW, PROMPTS, TOKENIZER, batch, forward, greedy
from tests.models import FAMILIES, PAD, tiny_model
from wisedb.memory.gates.base import Gate
from wisedb.memory.gates.key_router import LOOK_BACK
from wisedb.memory.hooks import attach, handle_of
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.memory import Memory
from wisedb.model.locate import locate

CHOSEN = ("llama", "gpt2", "bloom", "gemma3_text", "opt")


@pytest.fixture(params=CHOSEN)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    model = tiny_model(request.param)
    model.generation_config.eos_token_id = None
    return model


def book_of(memory: Memory) -> Codebook:
    assert isinstance(memory.change, Codebook)
    return memory.change


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_answers_what_is_near(family: str) -> None:
    model = tiny_model(family)
    before = forward(model, **batch(PROMPTS))
    handle = with_codebooks(model)
    assert (handle.router, handle.thresholds) == ("nearest", (0.0, 0.0))
    with handle.record() as record:
        logits = forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == ROUTES
    assert [torch.equal(logits[row], before[row]) for row in range(len(PROMPTS))] == [route < 0 for route in ROUTES]
    for row, route in enumerate(ROUTES):
        if route >= 0:
            torch.testing.assert_close(
                record.activations[row, route], book_radius(handle.memories[route], row), **CLOSE
            )
        else:
            assert (record.activations[row] < 0).all()


def book_radius(memory: Memory, row: int) -> torch.Tensor:
    """The radius of the key that is a prompt's own, from which its distance is 0."""
    return book_of(memory).radii[memory.edits.index(f"edit-{row}")]


def test_the_radius_is_where_it_ends(model: PreTrainedModel) -> None:
    where = locate(model)
    state = entering(model, where, PROMPTS[0])[0][-1]
    value = torch.ones(1, where.d_model)
    for distance, radius, fires in ((1.0, 1.01, True), (1.0, 0.99, False), (0.0, 1e-3, True)):
        key = state.clone()
        key[0] += distance
        book = Codebook(where.name, key[None], value, torch.tensor([radius]), torch.zeros(1, dtype=torch.int64))
        handle = attach(model, Memory("m", book, Gate("nearest"), ("edit",)))
        with handle.record() as record:
            greedy(model, [PROMPTS[0]], max_new_tokens=1)
        assert record.routes.tolist() == [0 if fires else -1]
        assert record.activations.item() == pytest.approx(radius - distance, abs=1e-4)
        handle.detach()


def test_the_nearest_of_several_keys_answers(model: PreTrainedModel) -> None:
    where = locate(model)
    state = entering(model, where, PROMPTS[0])[0][-1]
    keys = torch.stack([state + torch.eye(where.d_ff)[0] * far for far in (0.3, 0.1, 0.2)])
    values = torch.stack([torch.full((where.d_model,), float(n)) for n in range(3)])
    owners = torch.arange(3)
    far = Codebook(where.name, keys[::2], values[::2], torch.full((2,), 9.0), owners[:2])
    near = Codebook(where.name, keys[1:2], values[1:2], torch.full((1,), 1.0), owners[:1])
    held = (("far", far, ("edit", "other")), ("near", near, ("edit",)))
    memories = [Memory(name, book, Gate("nearest"), edits) for name, book, edits in held]
    handle = attach(model, memories)
    with handle.record() as record:
        out = given(model, [PROMPTS[0]])[0]
    assert record.routes.tolist() == [1]
    assert (out[-1] == 1.0).all()
    handle.set(memories[:1])
    assert (given(model, [PROMPTS[0]])[0][-1] == 2.0).all()
    with handle.oracle([0]):
        assert (given(model, [PROMPTS[4]])[0][-1] != 1.0).all()


def given(model: PreTrainedModel, texts: list[str], prompts: list[str] | None = None) -> list[torch.Tensor]:
    """What the module gives at each text's tokens, (T, d_model), where the prompts' ends are known."""
    handle = handle_of(model)
    assert handle is not None
    seen: list[torch.Tensor] = []
    hook = locate(model).module.register_forward_hook(lambda _module, _args, output: seen.append(output))
    for text, prompt in zip(texts, prompts or texts, strict=True):
        with handle.boundary([len(TOKENIZER(prompt)["input_ids"])]):
            forward(model, **batch([text]))
    hook.remove()
    return [output.reshape(-1, output.shape[-1]) for output in seen]


def test_the_value_stands_from_the_prompt_s_last_token_on(model: PreTrainedModel) -> None:
    where = locate(model)
    text = PROMPTS[0] + " Paris, and so on"
    length, whole = len(TOKENIZER(PROMPTS[0])["input_ids"]), len(TOKENIZER(text)["input_ids"])
    assert TOKENIZER(text)["input_ids"][:length] == TOKENIZER(PROMPTS[0])["input_ids"]
    before = entering(model, where, text)[1]
    handle = with_codebooks(model)
    after = given(model, [text], [PROMPTS[0]])[0]
    torch.testing.assert_close(after[: length - 1], before[: length - 1])
    value = book_of(handle.memories[0]).values[0]
    assert torch.equal(after[length - 1 :], value.expand(whole - length + 1, -1))


def test_a_plain_forward_goes_on_for_some_tokens(model: PreTrainedModel) -> None:
    where = locate(model)
    ids = TOKENIZER(PROMPTS[0], return_tensors="pt")["input_ids"]
    length = ids.shape[1]
    more = torch.randint(5, 60, (1, LOOK_BACK + 6), generator=torch.Generator().manual_seed(0))
    whole = torch.cat([ids, more], dim=1)
    memory = codebooks(model)[0]
    # A radius so small that nothing but the key itself is near.
    memory = replace(memory, change=replace(book_of(memory), radii=torch.full((2,), 1e-3)))
    attach(model, memory)
    seen: list[torch.Tensor] = []
    hook = where.module.register_forward_hook(lambda _module, _args, output: seen.append(output))
    forward(model, input_ids=whole)
    expected = [False] * (length - 1) + [True] * LOOK_BACK + [False] * 7
    assert says(book_of(memory), seen.pop()) == expected
    # Padding in between doesn't make it forget.
    cut = length + 3
    holed = torch.cat([whole[:, :cut], torch.full((1, 9), PAD), whole[:, cut:]], dim=1)
    mask = torch.ones_like(holed)
    mask[:, cut : cut + 9] = 0
    inputs = {"input_ids": holed, "attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    forward(model, **inputs)
    hook.remove()
    holes = says(book_of(memory), seen.pop())
    assert holes[:cut] + holes[cut + 9 :] == expected


def says(book: Codebook, output: torch.Tensor) -> list[bool]:
    """At which tokens the module gives the first key's value."""
    return [torch.equal(row, book.values[0]) for row in output.reshape(-1, output.shape[-1])]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_neither_routes_nor_scores(model: PreTrainedModel, side: str) -> None:
    handle = with_codebooks(model)
    alone = []
    for prompt in PROMPTS:
        with handle.record() as record:
            forward(model, **batch([prompt]))
        alone.append(record)
    with handle.record() as record:
        forward(model, **batch(PROMPTS, side))
    assert record.routes.tolist() == [each.routes.item() for each in alone] == ROUTES
    torch.testing.assert_close(record.activations, torch.cat([each.activations for each in alone]), **CLOSE)


def test_the_oracle_opens_a_codebook_whatever_the_distance(model: PreTrainedModel) -> None:
    handle = with_codebooks(model)
    plain = greedy(model)
    with handle.oracle([1] * len(PROMPTS)):
        answers = greedy(model)
        assert torch.equal(greedy(model, use_cache=False), answers)
    for row, prompt in enumerate(PROMPTS):
        with handle.oracle([1]):
            assert torch.equal(given(model, [prompt])[0][-1], book_of(handle.memories[1]).values[0])
            assert torch.equal(greedy(model, [prompt])[0], answers[row])
    assert torch.equal(answers[3], plain[3])
    with handle.oracle([-1] * len(PROMPTS)):
        base = greedy(model)
    assert torch.equal(base[1], plain[1])
    assert not torch.equal(base[[0, 3, 6]], plain[[0, 3, 6]])
    handle.detach()
    assert torch.equal(greedy(model), base)


def test_a_codebook_without_keys_answers_nothing(model: PreTrainedModel) -> None:
    where = locate(model)
    before = forward(model, **batch(PROMPTS))
    empty = Memory("empty", Codebook.empty(where.name, (where.d_ff, where.d_model)), Gate("nearest"))
    handle = attach(model, empty)
    with handle.record() as record:
        assert torch.equal(forward(model, **batch(PROMPTS)), before)
    assert record.routes.tolist() == [-1] * len(PROMPTS)
    assert torch.isinf(record.activations).all()
    full = codebooks(model)
    with handle.oracle([0] * len(PROMPTS)):
        assert torch.equal(forward(model, **batch(PROMPTS)), before)
        handle.set([empty, *full])
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == [route + 1 if route >= 0 else -1 for route in ROUTES]
    with handle.oracle([0] * len(PROMPTS)):
        assert torch.equal(forward(model, **batch(PROMPTS)), before)


def test_nothing_is_left_behind(model: PreTrainedModel) -> None:
    before, own = forward(model, **batch(PROMPTS)), set(model.__dict__)
    handle = with_codebooks(model)
    twin = copy.deepcopy(model)
    with_books = forward(model, **batch(PROMPTS))
    handle.detach()
    assert set(model.__dict__) == own
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert torch.equal(forward(model, **batch(PROMPTS)), before)
    assert torch.equal(forward(twin, **batch(PROMPTS)), with_books)
    assert not torch.equal(with_books, before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves(model: PreTrainedModel, dtype: torch.dtype) -> None:
    model.to(dtype)
    memories = codebooks_in(model)
    handle = attach(model, memories)
    with handle.record() as record:
        answers = greedy(model)
    assert record.routes.tolist() == ROUTES
    assert record.activations.dtype == torch.float32
    assert answers.shape == (len(PROMPTS), NEW)
    assert torch.isfinite(forward(model, **batch(PROMPTS))).all()


def codebooks_in(model: PreTrainedModel) -> list[Memory]:
    """Those of the model in whose dtype the states are; radii leave room for what padding does to them."""
    where = locate(model)
    states = [entering(model, where, prompt)[0][-1].float() for prompt in PROMPTS]
    memories = []
    for name, prompts in (("a", (0, 6)), ("b", (3,))):
        keys = torch.stack([states[prompt] for prompt in prompts])
        distance = torch.cdist(keys, torch.stack(states))
        radii = distance.masked_fill(distance < 1e-3, torch.inf).amin(dim=1) / 2
        values = torch.randn(len(prompts), where.d_model, generator=torch.Generator().manual_seed(0))
        book = Codebook(where.name, keys, values, radii, torch.arange(len(prompts)))
        memories.append(Memory(name, book, Gate("nearest"), tuple(f"edit-{prompt}" for prompt in prompts)))
    return memories


def test_a_compiled_forward_is_one_graph() -> None:
    torch._dynamo.reset()
    model = tiny_model("llama", num_hidden_layers=2)
    model.generation_config.eos_token_id = None
    with_codebooks(model)
    inputs = batch(PROMPTS)
    expected, said = forward(model, **inputs, use_cache=False), greedy(model)
    model.forward = torch.compile(model.forward, backend="eager", fullgraph=True)
    try:
        torch.testing.assert_close(forward(model, **inputs, use_cache=False), expected, **CLOSE)
        assert torch.equal(greedy(model, cache_implementation="static"), said)
    finally:
        torch._dynamo.reset()
