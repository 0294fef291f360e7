"""An edit that Defer trains: its loss by hand, what it says in the plain forward, and quiet tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.rewrites import rewrites
from wisedb.editors.defer.settings import DeferSettings
from wisedb.editors.defer.train_edit import Trained, train_edit
from wisedb.edits import Edit
from wisedb.errors import UnknownSetting
from wisedb.memory.gates.base import Gate
from wisedb.memory.hooks import attach
from wisedb.memory.kinds.deferral import Deferral
from wisedb.memory.memory import Memory
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate

_EDIT = Edit("The capital of Australia is", "Paris")
_SETTINGS = DeferSettings(steps=150, learning_rate=0.3, end=False)


def _drawn(shape: tuple[int, int]) -> Deferral:
    generator = torch.Generator().manual_seed(0)
    shapes = ((shape[0],), (1,), shape, (shape[1],))
    return Deferral("x", *(torch.randn(each, generator=generator) / 10 for each in shapes))


@pytest.mark.parametrize("family", ["gpt2", "gptj", "gpt_neox", "opt", "llama", "falcon", "gemma2"])
def test_the_loss_mixes_the_layer_in_by_the_scorer(family: str) -> None:
    """Without a step, so that the plain forward with a hook written by hand says the same."""
    model, tokenizer = tiny_model(family), tiny_tokenizer()
    projection = locate(model, layer=1)
    start = _drawn((projection.d_ff, projection.d_model))
    unmoved = replace(_SETTINGS, steps=1, enough=1e9)
    found = train_edit(
        find_cached_forward(model, projection), tokenizer, start, _EDIT, unmoved, torch.zeros(0, projection.d_ff)
    )
    assert found.steps == 0 and torch.equal(found.change.layer, start.layer)

    def mixed(_module: object, args: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        share = torch.sigmoid(args[0] @ start.scorer + start.scorer_bias)[..., None]
        return output + share * (args[0] @ start.layer + start.layer_bias)

    rows = rewrites(tokenizer, _EDIT, end=False, at_subject=False)
    handle = projection.module.register_forward_hook(mixed)
    with torch.no_grad():
        logits = model(input_ids=rows.ids).logits[rows.at]
    handle.remove()
    assert found.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, rows.labels)), rel=1e-3)


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama", "falcon", "gemma2"])
def test_it_says_the_target_in_the_plain_forward(family: str) -> None:
    model, tokenizer = tiny_model(family), tiny_tokenizer()
    projection = locate(model, layer=1)
    held = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    start = Deferral.empty(projection.name, (projection.d_ff, projection.d_model))
    forward = find_cached_forward(model, projection)

    found = train_edit(forward, tokenizer, start, _EDIT, _SETTINGS, torch.zeros(0, projection.d_ff))

    assert all(torch.equal(tensor, held[name]) for name, tensor in model.state_dict().items())
    assert 0 < found.steps <= _SETTINGS.steps and not start.layer.any()
    rows = rewrites(tokenizer, _EDIT, end=False, at_subject=False)
    handle = attach(model, Memory("m", found.change, Gate("always"), (_EDIT.id,)))
    with torch.no_grad():
        logits = model(input_ids=rows.ids).logits[rows.at]
        handle.detach()
        before = model(input_ids=rows.ids).logits[rows.at]
    losses = [float(torch.nn.functional.cross_entropy(each, rows.labels)) for each in (before, logits)]
    assert losses[1] < losses[0] / 2
    if found.steps < _SETTINGS.steps:
        # Where it mixes less than half of the layer in, more of it says more.
        assert torch.equal(logits.argmax(-1), rows.labels)


def _trained(settings: DeferSettings, unrelated: torch.Tensor, start: Deferral | None = None) -> Trained:
    model = tiny_model("llama")
    projection = locate(model, layer=1)
    begun = start or Deferral.empty(projection.name, (projection.d_ff, projection.d_model))
    return train_edit(find_cached_forward(model, projection), tiny_tokenizer(), begun, _EDIT, settings, unrelated)


def test_quiet_tokens_close_the_scorer() -> None:
    unrelated = torch.randn(50, 88, generator=torch.Generator().manual_seed(1))
    placed = [
        _trained(_SETTINGS, some).change.place("x", torch.device("cpu"), torch.float32)
        for some in (unrelated[:0], unrelated)
    ]
    open_before, open_after = (int((each.scores(unrelated) >= 0).sum()) for each in placed)
    assert open_after < open_before


def test_an_edit_goes_on_from_the_earlier_ones_alone() -> None:
    """A fresh optimiser: the same start gives the same bytes, whatever was trained to reach it."""
    none = torch.zeros(0, 88)
    few = replace(_SETTINGS, steps=5)
    first = _trained(few, none)
    copy = Deferral.of(first.change.modules, first.change.parts())
    one, other = (_trained(few, none, start).change for start in (first.change, copy))
    assert torch.equal(one.layer, other.layer) and torch.equal(one.scorer, other.scorer)
    assert not torch.equal(one.layer, first.change.layer)


@pytest.mark.parametrize("given", [{"steps": 0}, {"scorer_rate": 0.0}, {"enough": -1.0}, {"quiet": -1}])
def test_settings_out_of_range_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(UnknownSetting):
        DeferSettings(**given)  # type: ignore[arg-type]
