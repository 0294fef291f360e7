"""The change δ of what a projection gives, that makes a model say a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.delta import optimise_delta
from wisedb.editors.common.lowered import lower
from wisedb.editors.common.rewrites import Rewrites, rewrites
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.model.cached_forward import CachedForward
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate

_EDIT = Edit("The play is of Australia", "is", subject="Australia")


@dataclass(frozen=True)
class _Settings:
    steps: int = 40
    learning_rate: float = 0.3
    kl_factor: float = 0.0
    weight_decay: float = 0.0
    clamp: float = 4.0
    enough: float = 0.05


def _ready(family: str) -> tuple[PreTrainedModel, CachedForward, Rewrites]:
    model = tiny_model(family)
    forward = find_cached_forward(model, locate(model, layer=1))
    return model, forward, rewrites(tiny_tokenizer(), _EDIT, ("Paris is old.",), end=False, essence=True)


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama"])
def test_the_loss_is_that_of_the_model_with_delta_in_it(family: str) -> None:
    model, forward, rows = _ready(family)
    found = optimise_delta(forward, rows, lower(forward, rows.ids), _Settings())
    assert 0 < found.steps <= 40 and found.delta.shape == (forward.projection.d_model,)

    def add(_module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
        shaped = output.reshape(*rows.ids.shape, -1).clone()
        shaped[torch.arange(len(rows.ids)), rows.lookup] += found.delta
        return shaped.reshape(output.shape)

    handle = forward.projection.module.register_forward_hook(add)
    with torch.no_grad():
        logits = model(input_ids=rows.ids).logits[rows.at]
    handle.remove()
    assert found.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, rows.labels)), abs=1e-3)
    assert found.loss < 0.5


def test_it_stays_in_its_ball_and_stops_where_it_is_enough() -> None:
    _, forward, rows = _ready("llama")
    below = lower(forward, rows.ids)
    size = float(below.stream[0, int(rows.lookup[0])].norm())
    held = optimise_delta(forward, rows, below, _Settings(clamp=0.1, learning_rate=1.0))
    assert float(held.delta.norm()) <= 0.1 * size * 1.001
    early = optimise_delta(forward, rows, below, _Settings(enough=100.0))
    assert early.steps == 0 and not early.delta.any()


def test_a_loss_that_is_no_number_is_told() -> None:
    _, forward, rows = _ready("gpt2")
    with pytest.raises(TrainingFailed):
        optimise_delta(forward, rows, lower(forward, rows.ids), _Settings(weight_decay=float("nan")))
