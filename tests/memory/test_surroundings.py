"""Attached memories among other people's machinery: torch.compile, autocast, accelerate, the Trainer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import dispatch_model
from transformers import Trainer, TrainingArguments

from tests.memory.sides import CLOSE, PROMPTS, TOKENIZER, attached, batch, forward, greedy
from tests.models import tiny_model

CHOSEN = ("llama", "gpt2", "gpt_neox", "gemma2")
# Two blocks are enough to compile through.
SHALLOW: dict[str, dict[str, Any]] = {
    "llama": {"num_hidden_layers": 2},
    "gpt2": {"n_layer": 2},
    "gpt_neox": {"num_hidden_layers": 2},
    "gemma2": {"num_hidden_layers": 2},
}


@pytest.fixture
def dynamo() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("dynamo")
def test_a_compiled_forward_says_the_same() -> None:
    model = tiny_model("llama", num_hidden_layers=2)
    handle, routes = attached(model)
    inputs = batch(PROMPTS)
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    labels[:, :-2] = -100
    expected = forward(model, **inputs)
    scored = forward(model, **inputs, labels=labels)
    with handle.oracle(routes):
        told = forward(model, **inputs)
    compiled: Any = torch.compile(model, backend="eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(**inputs).logits, expected, **CLOSE)
        torch.testing.assert_close(compiled(**inputs, labels=labels).logits, scored, **CLOSE)
        with handle.oracle(routes):
            torch.testing.assert_close(compiled(**inputs).logits, told, **CLOSE)


@pytest.mark.usefixtures("dynamo")
def test_generate_with_a_compiled_forward() -> None:
    model = tiny_model("llama", num_hidden_layers=2)
    model.generation_config.eos_token_id = None
    handle, _ = attached(model)
    expected = greedy(model)
    model.forward = torch.compile(model.forward, backend="eager", fullgraph=True)
    assert torch.equal(greedy(model, cache_implementation="static"), expected)
    del model.__dict__["forward"]
    handle.detach()


@pytest.mark.usefixtures("dynamo")
@pytest.mark.parametrize("family", CHOSEN)
def test_the_whole_forward_is_one_graph(family: str) -> None:
    model = tiny_model(family, **SHALLOW[family])
    attached(model)
    inputs = batch(PROMPTS)
    expected = forward(model, **inputs, use_cache=False)
    compiled: Any = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(**inputs, use_cache=False).logits, expected, **CLOSE)


@pytest.mark.parametrize("family", CHOSEN)
def test_under_autocast(family: str) -> None:
    model = tiny_model(family)
    handle, _ = attached(model)
    expected = forward(model, **batch(PROMPTS))
    with torch.autocast("cpu", dtype=torch.bfloat16), handle.record() as record:
        got = forward(model, **batch(PROMPTS))
    assert record.activations.dtype == torch.float32
    assert torch.isfinite(got).all()
    assert (got.float() - expected).norm() < 0.6 * expected.norm()


@pytest.mark.parametrize("family", CHOSEN)
def test_a_dispatched_model(family: str) -> None:
    """accelerate wraps the forwards of a model that is spread over devices, and keeps some weights away from it."""
    model = tiny_model(family)
    expected_model = tiny_model(family)
    attached(expected_model)
    places: dict[str, int | str | torch.device] = {name: "cpu" for name, _ in model.named_children()}
    dispatched = dispatch_model(model, device_map=places, main_device="cpu", force_hooks=True)
    handle, _ = attached(dispatched)
    inputs = batch(PROMPTS)
    torch.testing.assert_close(forward(dispatched, **inputs), forward(expected_model, **inputs), **CLOSE)
    assert torch.equal(greedy(dispatched), greedy(expected_model))
    assert handle.memories


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_trainer_evaluates(family: str, tmp_path: Path) -> None:
    model = tiny_model(family)
    attached(model)
    rows = []
    for prompt in PROMPTS:
        ids = TOKENIZER(prompt + " Paris")["input_ids"]
        length = len(TOKENIZER(prompt)["input_ids"])
        rows.append({"input_ids": ids, "labels": [-100] * length + ids[length:]})
    arguments = TrainingArguments(tmp_path, per_device_eval_batch_size=1, report_to=[], use_cpu=True, disable_tqdm=True)
    figures = Trainer(model, arguments, eval_dataset=rows).evaluate()
    losses = []
    for row in rows:
        with torch.no_grad():
            tensors = {name: torch.tensor([value]) for name, value in row.items()}
            losses.append(model(**tensors).loss)
    assert figures["eval_loss"] == pytest.approx(torch.stack(losses).mean().item(), rel=1e-3)


@pytest.mark.parametrize("family", CHOSEN)
def test_gradients_pass_through(family: str) -> None:
    model = tiny_model(family)
    handle, routes = attached(model)
    inputs = batch(PROMPTS)
    if family == "gpt2":
        inputs.pop("position_ids")
    embedded = model.get_input_embeddings()(inputs.pop("input_ids")).detach().requires_grad_()
    with handle.oracle(routes):
        model(inputs_embeds=embedded, **inputs).logits.sum().backward()
    assert embedded.grad is not None
    assert torch.isfinite(embedded.grad).all()
    assert embedded.grad.abs().sum() > 0
