"""Changes that stand beside several modules act as if the weights held them, and leave nothing behind."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_model
from wisedb.editors.common.standing import standing
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.locate import locate, weight_of


@pytest.mark.parametrize("family", ["gpt2", "llama", "falcon", "gemma2"])
def test_the_model_says_what_it_would_say_with_the_changes_in_its_weights(family: str) -> None:
    model = tiny_model(family)
    projections = [locate(model, layer=layer) for layer in (0, 1)]
    generator = torch.Generator().manual_seed(0)
    changes = {
        each.module: FactoredDelta(
            0.1 * torch.randn(each.d_ff, 2, generator=generator), torch.randn(2, each.d_model, generator=generator)
        )
        for each in projections
    }
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        before = model(input_ids=ids).logits
        with standing(changes):
            found = model(input_ids=ids).logits
        for each in projections:
            weight_of(each).add_(changes[each.module].dense())
        expected = model(input_ids=ids).logits
        for each in projections:
            weight_of(each).sub_(changes[each.module].dense())
    assert not torch.allclose(expected, before, atol=1e-3)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert not any(each.module._forward_hooks for each in projections)


def test_a_change_of_no_rank_needs_no_hook() -> None:
    projection = locate(tiny_model("gpt2"), layer=1)
    nothing = FactoredDelta(torch.zeros(projection.d_ff, 0), torch.zeros(0, projection.d_model))
    with standing({projection.module: nothing}):
        assert not projection.module._forward_hooks
