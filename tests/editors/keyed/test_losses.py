"""The losses equal the paper's formulas, written out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.editors.keyed.losses import Margins, answer_loss, lead, memo_loss, routing_loss
from wisedb.memory.gates.activation import activation

MARGINS = Margins(alpha=5.0, beta=20.0, gamma=10.0)
levels = st.lists(st.floats(0, 40, width=32), min_size=1, max_size=4)


@given(edit=levels, irrelevant=levels)
def test_routing_loss_is_the_formula(edit: list[float], irrelevant: list[float]) -> None:
    low = sum(max(0, x - 5) for x in irrelevant) / len(irrelevant)
    high = sum(max(0, 20 - x) for x in edit) / len(edit)
    pairs = [max(0, 10 - (e - i)) for e in edit for i in irrelevant]
    expected = low + high + sum(pairs) / len(pairs)
    assert float(routing_loss(torch.tensor(edit), torch.tensor(irrelevant), MARGINS)) == pytest.approx(
        expected, rel=1e-4, abs=1e-4
    )


def test_each_hinge_is_zero_where_it_is_met() -> None:
    assert float(routing_loss(torch.tensor([20.0]), torch.tensor([5.0]), MARGINS)) == 0
    assert float(routing_loss(torch.tensor([20.0]), torch.tensor([6.0]), MARGINS)) == 1
    assert float(routing_loss(torch.tensor([19.0]), torch.tensor([5.0]), MARGINS)) == 1
    assert float(routing_loss(torch.tensor([20.0]), torch.zeros(0), MARGINS)) == 0


def test_memo_loss() -> None:
    assert float(memo_loss(torch.tensor([4.0, 9.0]), MARGINS)) == 2
    assert float(memo_loss(torch.zeros(0), MARGINS)) == 0


def test_activation_has_a_gradient_at_zero() -> None:
    delta = torch.zeros(7, 3, requires_grad=True)
    activation(torch.randn(1, 4, 7) @ delta, torch.ones(1, 4, dtype=torch.bool)).sum().backward()  # type: ignore[no-untyped-call]
    assert delta.grad is not None and torch.isfinite(delta.grad).all()


def test_answer_loss_is_a_mean_of_means() -> None:
    # One answer of one token, one of two, over two words: log-probabilities of 1/2 and 1/4.
    sure = [0.0, 0.0]
    unsure = [0.0, math.log(3)]
    logits = torch.tensor([sure, unsure, unsure])
    labels = torch.tensor([0, 0, 1])
    weights = torch.tensor([1 / 2, 1 / 4, 1 / 4])
    expected = (math.log(2) + (math.log(4) + math.log(4 / 3)) / 2) / 2
    assert float(answer_loss(logits, labels, weights)) == pytest.approx(expected, rel=1e-5)


def test_lead() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]])
    assert lead(logits, torch.tensor([1, 0])).tolist() == [1.0, -2.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lead_leaves_the_logits_as_they_were(dtype: torch.dtype) -> None:
    logits = torch.tensor([[1.0, 5.0, 3.0], [2.0, 2.0, -1.0]], dtype=dtype)
    before = logits.clone()
    assert lead(logits, torch.tensor([1, 2])).tolist() == [2.0, -3.0]
    assert torch.equal(logits, before)
