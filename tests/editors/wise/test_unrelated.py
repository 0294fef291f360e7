"""Activations of prompts without padding are those of a padded batch."""

from __future__ import annotations

from random import Random

import torch
from torch.nn.utils.rnn import pad_sequence

from tests.editors.wise.fixtures import POOL, material
from tests.memory.activations import delta_activation
from wisedb.editors.wise.unrelated import Prompts


def test_they_are_the_gates_activations() -> None:
    made = material()
    texts = made.frozen.prompts([*POOL, "A much longer prompt about the play of Paris"])
    delta = torch.randn(made.frozen.projection.d_ff, made.frozen.projection.d_model)
    features = pad_sequence([text.features for text in texts], batch_first=True)
    valid = torch.arange(features.shape[1]) < torch.tensor([text.prompt for text in texts])[:, None]
    expected = delta_activation(features, delta, valid)
    assert torch.allclose(Prompts(texts).activations(delta), expected, rtol=1e-4)
    chosen = [18, 3, 0]
    assert torch.allclose(Prompts(texts).activations(delta, chosen), expected[chosen], rtol=1e-4)


def test_there_is_a_gradient_where_nothing_was_learned_yet() -> None:
    made = material()
    delta = torch.zeros(made.frozen.projection.d_ff, made.frozen.projection.d_model, requires_grad=True)
    made.quiet.activations(delta).sum().backward()
    assert delta.grad is not None and torch.isfinite(delta.grad).all()


def test_a_sample_repeats_nothing() -> None:
    prompts = material().quiet
    assert len(set(prompts.sample(5, Random(0)))) == 5
    assert sorted(prompts.sample(99, Random(0))) == list(range(len(POOL)))
