"""The Fisher information beside one gradient a text, of the weight itself."""

from __future__ import annotations

import pytest
import torch

from tests.editors.fine_tuned import EDITS, frozen_of, zero
from wisedb.editors.ft_ewc.fisher import fisher
from wisedb.model.locate import weight_of
from wisedb.model.tokens import encode_pair


@pytest.mark.parametrize("family", ["gpt2", "llama", "gpt_neox"])
def test_it_is_the_mean_of_squared_gradients_of_whole_answers(family: str) -> None:
    frozen = frozen_of(family)
    delta = 0.02 * torch.randn(frozen.weight.shape, generator=torch.Generator().manual_seed(1))
    found = fisher(frozen, frozen.edits(EDITS, end=True), delta)
    parameter = frozen.projection.module.get_parameter("weight")
    weight = weight_of(frozen.projection)
    before = weight.detach().clone()
    with torch.no_grad():
        weight += delta
    total = zero(frozen)
    for edit in EDITS:
        prompt, answer = encode_pair(frozen.tokenizer, edit.prompt, edit.target, end=True)
        logits = frozen.model(input_ids=torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        likelihood = torch.stack([logits[len(prompt) - 1 + n, token] for n, token in enumerate(answer)]).sum()
        (gradient,) = torch.autograd.grad(likelihood, [parameter])
        total += (gradient.T if frozen.projection.transposed else gradient).square()
    with torch.no_grad():
        weight.copy_(before)
    torch.testing.assert_close(found, total / len(EDITS), rtol=1e-3, atol=1e-6 * float(total.max()))
    assert float(found.max()) > 0


def test_in_which_groups_texts_are_computed_does_not_matter() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS, end=False)
    many = fisher(frozen, texts * 7, zero(frozen))
    torch.testing.assert_close(many, fisher(frozen, texts, zero(frozen)), rtol=1e-3, atol=1e-9)
