"""Edits that ROME writes: what they make tiny models of several families say, and what they are computed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.covariance import Solver, second_moment
from wisedb.editors.common.lowered import lower
from wisedb.editors.common.rewrites import rewrites
from wisedb.editors.rome.compute_u import compute_u
from wisedb.editors.rome.compute_v import compute_v, stored
from wisedb.editors.rome.edit import write_edit
from wisedb.editors.rome.settings import RomeSettings
from wisedb.edits import Edit
from wisedb.memory.kinds.additive import FactoredDelta, stacked
from wisedb.model.cached_forward import CachedForward
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import Projection, locate, weight_of
from wisedb.model.tokens import encode_pair

_FAMILIES = ["gpt2", "gptj", "gpt_neox", "opt", "llama", "falcon", "bloom", "gemma2"]
_EDIT = Edit("The capital of Australia is", "Paris", subject="Australia")
# At the prompt's end a random model can be told anything; from further back it may not listen.
_DIRECT = Edit("The play is of Australia", "is", subject="Australia")
_OTHER = Edit("Who wrote the play Hamlet?", "France", subject="Hamlet")
_CONTEXTS = ("Paris is old.", "The play was long.")
_SETTINGS = RomeSettings(steps=40, kl_factor=0.0, clamp=4.0)


def _ready(family: str) -> tuple[PreTrainedModel, Projection, CachedForward, Solver]:
    model = tiny_model(family)
    projection = locate(model, layer=1)
    forward = find_cached_forward(model, projection)
    ids = torch.randint(3, 300, (16, 40), generator=torch.Generator().manual_seed(0))
    return model, projection, forward, second_moment([forward.prefix(ids)[0].flatten(0, 1)]).solver()


@contextmanager
def _changed(projection: Projection, change: FactoredDelta) -> Iterator[None]:
    """The weight itself changed, and put back: nothing of what is tested has a part in it."""
    weight = weight_of(projection)
    before = weight.detach().clone()
    with torch.no_grad():
        weight += change.dense()
    yield
    with torch.no_grad():
        weight.copy_(before)


@torch.no_grad()
def _loss(model: PreTrainedModel, edit: Edit) -> float:
    prompt, answer = encode_pair(tiny_tokenizer(), edit.prompt, edit.target, end=False)
    logits = model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer)))


@pytest.mark.parametrize("family", _FAMILIES)
def test_an_edit_says_its_target_and_leaves_the_model_as_it_was(family: str) -> None:
    model, projection, forward, solver = _ready(family)
    held = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    before = _loss(model, _DIRECT)

    written = write_edit(forward, tiny_tokenizer(), solver, _DIRECT, _CONTEXTS, _SETTINGS)

    assert written.change.rank == 1 and written.change.left.shape == (projection.d_ff, 1)
    assert all(torch.equal(tensor, held[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    with _changed(projection, written.change):
        after = _loss(model, _DIRECT)
    assert after == pytest.approx(written.loss, abs=0.5)
    # Gemma 2 scales what its FFN gives to one size, so that no value there can say just anything.
    assert after < (0.75 * before if family == "gemma2" else 0.5)


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama"])
def test_with_the_key_stored_the_model_says_what_the_optimisation_said(family: str) -> None:
    # One row: k* is its key, and the changed weight gives v* there exactly.
    model, projection, forward, solver = _ready(family)
    written = write_edit(forward, tiny_tokenizer(), solver, _EDIT, (), RomeSettings(steps=10, kl_factor=0.0))
    rows = rewrites(tiny_tokenizer(), _EDIT, end=False)
    at = int(rows.lookup[0])
    seen: list[torch.Tensor] = []
    handle = projection.module.register_forward_hook(
        lambda _m, _a, out: seen.append(out.reshape(-1, out.shape[-1])[at])
    )
    with _changed(projection, written.change), torch.no_grad():
        model(input_ids=rows.ids)
    handle.remove()
    below = lower(forward, rows.ids)
    wanted = below.outputs[0, at] + written.change.right[0]
    assert torch.allclose(seen[0], wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))


@pytest.mark.parametrize("family", ["gpt2", "llama", "falcon"])
def test_an_edit_is_computed_on_the_model_with_the_earlier_ones(family: str) -> None:
    _, projection, forward, solver = _ready(family)
    tokenizer = tiny_tokenizer()
    settings = RomeSettings(steps=3)
    first = write_edit(forward, tokenizer, solver, _EDIT, (), settings).change

    applied = write_edit(forward, tokenizer, solver, _OTHER, (), settings, applied=first)
    with _changed(projection, first):
        expected = write_edit(forward, tokenizer, solver, _OTHER, (), settings)
    alone = write_edit(forward, tokenizer, solver, _OTHER, (), settings)

    assert torch.allclose(applied.change.left, expected.change.left, rtol=1e-4, atol=1e-6)
    # The steps' length goes by the stream without the earlier edits, so that the directions are compared.
    right, wanted, other = (found.change.right[0] for found in (applied, expected, alone))
    assert float(torch.nn.functional.cosine_similarity(right, wanted, dim=0)) > 0.99
    assert float(torch.nn.functional.cosine_similarity(right, other, dim=0)) < 0.99
    both = stacked([first, applied.change])
    assert both is not None and both.rank == 2


def test_the_stored_value_holds_the_bias_and_the_earlier_edits() -> None:
    projection = locate(tiny_model("gpt2"), layer=1)
    generator = torch.Generator().manual_seed(3)
    key = torch.randn(projection.d_ff, generator=generator)
    change = FactoredDelta(torch.randn(projection.d_ff, 1, generator=generator), torch.randn(1, projection.d_model))
    assert projection.module.bias is not None
    with torch.no_grad():
        plain = projection.module(key[None])[0]
    assert torch.allclose(stored(projection, key, None), plain, atol=1e-5)
    assert torch.allclose(stored(projection, key, change), plain + key @ change.dense(), rtol=1e-4, atol=1e-3)


def test_the_value_stays_in_its_ball() -> None:
    _, _, forward, solver = _ready("llama")
    rows = rewrites(tiny_tokenizer(), _EDIT, _CONTEXTS, end=False, essence=True)
    below = lower(forward, rows.ids)
    key = compute_u(below.features[:3], rows.lookup[:3], solver)
    size = float(below.stream[0, int(rows.lookup[0])].norm())
    value = compute_v(forward, rows, below, key, RomeSettings(steps=10, learning_rate=1.0, clamp=0.1))
    assert float((value.after - value.before).norm()) <= 0.1 * size * 1.001
    decayed = compute_v(forward, rows, below, key, RomeSettings(steps=10, learning_rate=0.05, weight_decay=100.0))
    free = compute_v(forward, rows, below, key, RomeSettings(steps=10, learning_rate=0.05))
    assert float((decayed.after - decayed.before).norm()) < float((free.after - free.before).norm())


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama"])
def test_the_loss_holds_the_divergence_of_what_is_said_of_the_subject(family: str) -> None:
    model, projection, forward, solver = _ready(family)
    rows = rewrites(tiny_tokenizer(), _EDIT, end=False, essence=True)
    assert rows.essence is not None
    below = lower(forward, rows.ids)
    key = compute_u(below.features[:1], rows.lookup[:1], solver)
    # Nothing has moved before the first step, so that the divergence has no part in it.
    free, held = (
        compute_v(forward, rows, below, key, RomeSettings(steps=1, kl_factor=factor)) for factor in (0.0, 100.0)
    )
    assert torch.allclose(free.after, held.after, rtol=1e-3, atol=1e-3)
    length, at = int(rows.essence[1]) + 1, int(rows.lookup[-1])
    delta = (free.after - free.before).float()

    def add(_module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
        shaped = output.reshape(1, length, -1).clone()
        shaped[0, at] += delta
        return shaped.reshape(output.shape)

    with torch.no_grad():
        usual = model(input_ids=rows.ids[-1:, :length]).logits[0, -1].double().softmax(-1)
        handle = projection.module.register_forward_hook(add)
        said = model(input_ids=rows.ids[-1:, :length]).logits[0, -1].double().softmax(-1)
        handle.remove()
    divergence = float((usual * (usual / said).log()).sum())
    assert divergence > 1e-4
    assert held.loss - free.loss == pytest.approx(100 * divergence, rel=0.02)
