"""The factors of a gradient, one a token, add up to what autograd says of the whole weight, whatever the family."""

from __future__ import annotations

import pytest
import torch

from tests.editors.mend.fixtures import PAIRS, answer_loss, changed, gradients, ready
from wisedb.editors.mend.decompose import decompose
from wisedb.editors.mend.write import answers_of
from wisedb.memory.kinds.additive import FactoredDelta

_FAMILIES = ["gpt2", "gptj", "gpt_neox", "opt", "llama", "falcon", "bloom", "gemma2", "phi3"]


@pytest.mark.parametrize("family", _FAMILIES)
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_the_factors_add_up_to_the_gradient(family: str, blocks: int) -> None:
    base, model = ready(family, blocks)
    generator = torch.Generator().manual_seed(0)
    applied = [
        FactoredDelta(
            torch.randn(each.d_ff, 2, generator=generator) / 10, torch.randn(2, each.d_model, generator=generator) / 10
        )
        for each in model.projections
    ]
    answers = answers_of(base.tokenizer, PAIRS, False, torch.device("cpu"))
    held = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}

    factors, losses = decompose(model, answers, applied)

    assert all(torch.equal(tensor, held[name]) for name, tensor in base.model.state_dict().items())
    with changed(model.projections, {number: each.dense() for number, each in enumerate(applied)}):
        plain = [answer_loss(base.model, *pair) for pair in PAIRS]
        wanted = gradients(base.model, model.projections, torch.stack(plain).sum())
    torch.testing.assert_close(losses, torch.stack(plain).detach(), rtol=1e-4, atol=1e-5)
    for each, gradient in zip(factors, wanted, strict=True):
        found = torch.einsum("btf,btm->fm", each.u, each.delta)
        torch.testing.assert_close(found, gradient, rtol=1e-3, atol=1e-5)
        assert float(gradient.norm()) > 0


def test_rows_do_not_touch_each_other() -> None:
    base, model = ready("llama")
    nothing = [FactoredDelta(torch.zeros(each.d_ff, 0), torch.zeros(0, each.d_model)) for each in model.projections]
    both, _ = decompose(model, answers_of(base.tokenizer, PAIRS, True, torch.device("cpu")), nothing)
    alone, _ = decompose(model, answers_of(base.tokenizer, PAIRS[:1], True, torch.device("cpu")), nothing)
    for together, each in zip(both, alone, strict=True):
        tokens = each.delta.shape[1]
        torch.testing.assert_close(together.delta[0, :tokens], each.delta[0], rtol=1e-4, atol=1e-6)
        # What stands behind the last token that predicts is none of the loss's business.
        assert not together.delta[0, tokens:].any() and not each.delta[0, -1].any()
