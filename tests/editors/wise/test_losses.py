"""The losses equal the paper's formulas, written out by hand."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.wise.losses import Margins, hinge, memo_loss, routing_loss

MARGINS = Margins(alpha=5.0, beta=20.0, gamma=10.0)


@pytest.mark.parametrize(
    ("edit", "irrelevant", "expected"),
    [
        # All three hinges are met.
        (20.0, 5.0, 0.0),
        # The unrelated prompt is 2 too loud.
        (20.0, 7.0, 2.0),
        # The edit is 4 too quiet.
        (16.0, 5.0, 4.0),
        # 9 too loud, 2 too quiet, and 4 apart instead of 10.
        (18.0, 14.0, 9.0 + 2.0 + 6.0),
    ],
)
def test_routing_loss_of_one_prompt_each(edit: float, irrelevant: float, expected: float) -> None:
    assert float(routing_loss(torch.tensor([edit]), torch.tensor([irrelevant]), MARGINS)) == pytest.approx(expected)


def test_a_hinge_is_the_mean_over_what_violates_it() -> None:
    assert float(hinge(torch.tensor([3.0, -1.0, 1.0, -7.0]))) == 2.0
    assert float(hinge(torch.tensor([-1.0, 0.0]))) == 0.0
    assert float(hinge(torch.zeros(0))) == 0.0


def test_quiet_prompts_do_not_weaken_the_pull_on_a_loud_one() -> None:
    loud = torch.tensor([9.0], requires_grad=True)
    routing_loss(torch.tensor([30.0]), torch.cat([loud, torch.zeros(99)]), MARGINS).backward()
    assert loud.grad is not None and float(loud.grad) == 1.0


def test_the_third_hinge_runs_over_all_pairs() -> None:
    # Pairs 20 − 12 and 24 − 12: the first violates γ by 2, the second doesn't. 12 is 7 above α.
    assert float(routing_loss(torch.tensor([20.0, 24.0]), torch.tensor([12.0]), MARGINS)) == pytest.approx(7 + 2)


def test_memo_loss() -> None:
    assert float(memo_loss(torch.tensor([4.0, 9.0, 7.0]), MARGINS)) == 3.0
    assert float(memo_loss(torch.zeros(0), MARGINS)) == 0.0
