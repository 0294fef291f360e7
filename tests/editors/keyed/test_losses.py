"""The loss equals its formula, written out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from wisedb.editors.keyed.losses import answer_loss, logit_margin


def test_answer_loss_is_a_mean_of_means() -> None:
    # One answer of one token, one of two, over two words: log-probabilities of 1/2 and 1/4.
    sure = [0.0, 0.0]
    unsure = [0.0, math.log(3)]
    logits = torch.tensor([sure, unsure, unsure])
    labels = torch.tensor([0, 0, 1])
    weights = torch.tensor([1 / 2, 1 / 4, 1 / 4])
    expected = (math.log(2) + (math.log(4) + math.log(4 / 3)) / 2) / 2
    assert float(answer_loss(logits, labels, weights)) == pytest.approx(expected, rel=1e-5)


def test_the_margin_is_negative_where_another_token_leads() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]])
    assert logit_margin(logits, torch.tensor([1, 0])).tolist() == [1.0, -2.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_margin_leaves_the_logits_as_they_were(dtype: torch.dtype) -> None:
    logits = torch.tensor([[1.0, 5.0, 3.0], [2.0, 2.0, -1.0]], dtype=dtype)
    before = logits.clone()
    assert logit_margin(logits, torch.tensor([1, 2])).tolist() == [2.0, -3.0]
    assert torch.equal(logits, before)
