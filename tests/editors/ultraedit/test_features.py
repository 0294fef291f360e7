"""Keys and gradients at several modules in one pass are those of the plain model, whatever the family."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.rewrites import rewrites
from wisedb.editors.ultraedit.features import features_of, joined
from wisedb.edits import Edit
from wisedb.model.locate import locate, weight_of

_EDIT = Edit("The capital of Australia is", "Paris is old", subject="Australia")


@pytest.mark.parametrize("family", ["gpt2", "gptj", "opt", "llama", "falcon", "bloom", "gemma2"])
def test_the_gradient_of_the_weight_is_made_of_them(family: str) -> None:
    model = tiny_model(family)
    projections = [locate(model, layer=layer) for layer in (1, 2)]
    rows = rewrites(tiny_tokenizer(), _EDIT, end=False, at_subject=False)
    found, loss = features_of(model, projections, rows)

    weights: list[Any] = [each.module.weight for each in projections]
    logits = model(input_ids=rows.ids).logits[rows.at]
    total = torch.nn.functional.cross_entropy(logits, rows.labels, reduction="sum")
    assert loss == pytest.approx(float(total.detach()) / len(rows.labels), rel=1e-4)

    # Only the answer's positions are kept: at the last layer no other one has a gradient.
    last = locate(model, layer=2)
    (gradient,) = torch.autograd.grad(total, [weights[1]])
    gradient = gradient.T if last.transposed else gradient
    features = found[last.name]
    made = features.keys.T @ features.gradients
    assert made.shape == weight_of(last).shape
    assert torch.allclose(made, gradient, rtol=1e-3, atol=1e-5 * float(gradient.abs().max()) + 1e-7)
    assert features.sizes.shape == (len(rows.labels),) and bool((features.sizes > 0).all())
    assert not any(each.module._forward_hooks or each.block._forward_hooks for each in projections)
    assert all(parameter.grad is None for parameter in model.parameters())

    both = joined([found, found], last.name)
    assert torch.equal(both.keys, torch.cat([features.keys, features.keys]))
