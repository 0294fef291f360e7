"""The loss equals its formula, written out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from wisedb.editors.common.losses import answer_loss


def test_answer_loss_is_a_mean_of_means() -> None:
    # One answer of one token, one of two, over two words: log-probabilities of 1/2 and 1/4.
    sure = [0.0, 0.0]
    unsure = [0.0, math.log(3)]
    logits = torch.tensor([sure, unsure, unsure])
    labels = torch.tensor([0, 0, 1])
    weights = torch.tensor([1 / 2, 1 / 4, 1 / 4])
    expected = (math.log(2) + (math.log(4) + math.log(4 / 3)) / 2) / 2
    assert float(answer_loss(logits, labels, weights)) == pytest.approx(expected, rel=1e-5)
