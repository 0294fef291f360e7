"""Attached memories: who answers a forward, and that nothing else about the model changes."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from tests.memory.keyed import routed
from tests.memory.sides import CLOSE, PROMPTS, attached, batch, edited, forward, measured, random_memories
from tests.models import FAMILIES, tiny_model
from wisedb.errors import UnsupportedModel, UsageError
from wisedb.memory.hooks import attach, handle_of
from wisedb.memory.merging import merged_memory
from wisedb.model.locate import locate

CHOSEN = ("llama", "gpt2", "gpt_neox", "bloom", "gemma3_text", "opt")


@pytest.fixture(params=CHOSEN)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    return tiny_model(request.param)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_oracle_gives_what_the_edited_weight_gives(family: str) -> None:
    model = tiny_model(family)
    memories = random_memories(locate(model), 2)
    handle = attach(model, memories)
    for route in (-1, 0, 1):
        expected = edited(model, None if route < 0 else route, PROMPTS[:1])
        with handle.oracle([route]):
            got = forward(model, **batch(PROMPTS[:1]))[0]
        torch.testing.assert_close(got, expected[0], **CLOSE)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_batch_is_measured_by_the_formula(model: PreTrainedModel, side: str) -> None:
    handle, routes = attached(model)
    inputs = batch(PROMPTS, side)
    for boundary in (handle.record(), handle.boundary(inputs["attention_mask"].sum(dim=1))):
        with handle.record() as record, boundary:
            forward(model, **inputs)
        assert record.routes.tolist() == routes
        torch.testing.assert_close(record.activations, measured(model, list(handle.memories)), **CLOSE)


def test_without_a_mask_every_token_counts(model: PreTrainedModel) -> None:
    handle, routes = attached(model)
    inputs = batch([PROMPTS[0]])
    with handle.record() as record:
        bare = forward(model, input_ids=inputs["input_ids"])
        positional = model(inputs["input_ids"], None, None).logits if model.config.model_type == "llama" else bare
    assert set(record.routes.tolist()) == {routes[0]}
    torch.testing.assert_close(bare, forward(model, **inputs), **CLOSE)
    torch.testing.assert_close(bare, positional, **CLOSE)


def test_labels_without_a_prompt_decide_at_every_position(model: PreTrainedModel) -> None:
    attached(model)
    inputs = batch(PROMPTS)
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    torch.testing.assert_close(forward(model, **inputs, labels=labels), forward(model, **inputs))


def test_rows_that_are_told_the_base_are_untouched_to_the_bit(model: PreTrainedModel) -> None:
    inputs = batch(PROMPTS)
    before = forward(model, **inputs)
    handle, _ = attached(model)
    changed = forward(model, **inputs)
    assert not torch.equal(changed, before)
    with handle.oracle([0, -1, 1, -1, 2, -1, 0]):
        mixed = forward(model, **inputs)
    for row in (1, 3, 5):
        assert torch.equal(mixed[row], before[row])
    handle.set([])
    assert torch.equal(forward(model, **inputs), before)


def test_nothing_of_the_model_changes(model: PreTrainedModel, tmp_path: Path) -> None:
    inputs = batch(PROMPTS)
    before = forward(model, **inputs)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    parameters = [name for name, _ in model.named_parameters()]
    modules = [name for name, _ in model.named_modules()]
    own = set(model.__dict__)
    answer = model.generate(**batch(PROMPTS[:2]), max_new_tokens=4, do_sample=False)
    handle, _ = attached(model)
    forward(model, **inputs)
    assert list(model.state_dict()) == list(state)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [name for name, _ in model.named_parameters()] == parameters
    assert [name for name, _ in model.named_modules()] == modules
    model.save_pretrained(tmp_path)
    reloaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert list(reloaded.state_dict()) == list(state)
    handle.detach()
    assert set(model.__dict__) == own
    assert handle_of(model) is None
    assert not locate(model).module._forward_hooks
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
    assert torch.equal(forward(model, **inputs), before)
    assert torch.equal(model.generate(**batch(PROMPTS[:2]), max_new_tokens=4, do_sample=False), answer)
    handle.detach()


def test_a_copy_is_a_model_of_its_own(model: PreTrainedModel) -> None:
    handle, _ = attached(model)
    inputs = batch(PROMPTS)
    with_memories = forward(model, **inputs)
    answer = model.generate(**batch(PROMPTS), max_new_tokens=4, do_sample=False)
    other = copy.deepcopy(model)
    twin = handle_of(other)
    assert twin is not None and twin is not handle
    assert torch.equal(forward(other, **inputs), with_memories)
    handle.detach()
    assert torch.equal(forward(other, **inputs), with_memories)
    assert torch.equal(other.generate(**batch(PROMPTS), max_new_tokens=4, do_sample=False), answer)
    without = forward(model, **inputs)
    assert not torch.equal(without, with_memories)
    twin.detach()
    assert torch.equal(forward(other, **inputs), without)


def test_an_exception_leaves_nothing_behind(model: PreTrainedModel) -> None:
    attached(model)
    inputs = batch(PROMPTS[:2])
    before = forward(model, **inputs)

    def fail(*_: object) -> None:
        raise RuntimeError("inside")

    hook = locate(model).block.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="inside"):
        model.generate(**batch(PROMPTS), max_new_tokens=2)
    with pytest.raises(RuntimeError, match="inside"):
        forward(model, **batch(PROMPTS))
    hook.remove()
    assert torch.equal(forward(model, **inputs), before)


def test_merge_is_one_gated_memory(model: PreTrainedModel) -> None:
    projection = locate(model)
    memory = merged_memory(random_memories(projection, 3), 0.0)
    activations = measured(model, [memory])[:, 0]
    threshold = float(activations.sort().values[2:4].mean())
    handle = attach(model, merged_memory(random_memories(projection, 3), threshold))
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == [0 if value >= threshold else -1 for value in activations.tolist()]
    assert set(record.routes.tolist()) == {0, -1}
    assert handle.memories[0].id == "merged"


def test_many_memories_are_measured_in_parts(model: PreTrainedModel) -> None:
    projection = locate(model)
    memories = random_memories(projection, 11)
    handle = attach(model, memories)
    with handle.record() as record:
        forward(model, **batch(PROMPTS))
    activations = measured(model, memories)
    torch.testing.assert_close(record.activations, activations, **CLOSE)
    assert record.routes.tolist() == activations.argmax(dim=1).tolist()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(model: PreTrainedModel, dtype: torch.dtype) -> None:
    handle, _ = attached(model)
    whole = [forward(model, **batch([prompt])) for prompt in PROMPTS]
    model.to(dtype)
    with handle.record() as record:
        for prompt, expected in zip(PROMPTS, whole, strict=True):
            got = forward(model, **batch([prompt]))
            assert got.dtype == dtype
            assert torch.isfinite(got).all()
            assert (got.float() - expected).norm() < 0.6 * expected.norm()
    assert record.activations.dtype == torch.float32
    answer = model.generate(**batch(PROMPTS), max_new_tokens=4, do_sample=False)
    assert answer.shape[0] == len(PROMPTS)


def test_what_makes_no_sense_is_refused() -> None:
    model = tiny_model("llama")
    memories = random_memories(locate(model), 2)
    elsewhere = random_memories(locate(tiny_model("llama", intermediate_size=40)), 1)
    with pytest.raises(UsageError, match="the shape"):
        attach(model, elsewhere)
    nowhere = random_memories(locate(tiny_model("gpt2")), 1)
    with pytest.raises(UnsupportedModel, match="no module"):
        attach(model, nowhere)
    assert handle_of(model) is None
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    handle = attach(model, memories)
    with pytest.raises(UsageError, match="already"):
        attach(model, memories)
    with pytest.raises(UsageError, match="must be -1"), handle.oracle([2]):
        pass
    with pytest.raises(UsageError, match="3 routes"), handle.oracle([0, 1, 0]):
        forward(model, **batch(PROMPTS[:2]))
    with pytest.raises(UsageError, match="the shape"):
        handle.set(elsewhere)
    with pytest.raises(UnsupportedModel, match="no module"):
        handle.set([*memories, *nowhere])
    assert len(handle.memories) == 2
    with pytest.raises(UsageError, match="packed"):
        model(torch.ones(1, 4, dtype=torch.int64), cu_seq_lens_q=torch.tensor([0, 2, 4]))


def test_the_oracle_tells_an_edit_of_a_memory_with_a_part_for_each(model: PreTrainedModel) -> None:
    handle, _ = routed(model, "rows")
    assert [len(memory.edits) for memory in handle.memories] == [2, 1]
    for memory, edit in ((0, 0), (0, 1), (1, 0)):
        with handle.oracle([memory], [edit]):
            told = forward(model, **batch(PROMPTS[:1]))[0]
        torch.testing.assert_close(told, edited(model, memory, PROMPTS[:1], edit)[0], **CLOSE)
    with handle.oracle([0]):
        first = forward(model, **batch(PROMPTS[:1]))[0]
    torch.testing.assert_close(first, edited(model, 0, PROMPTS[:1], 0)[0], **CLOSE)
    for wrong in (2, -1):
        with pytest.raises(UsageError, match="no edit of that number"), handle.oracle([0], [wrong]):
            pass
