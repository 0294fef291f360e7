"""What is written down of decisions: one a sequence, whichever module took it."""

from __future__ import annotations

import torch

from wisedb.memory.slots import BASE
from wisedb.memory.trace import Trace, TraceLog

NOT = -torch.inf


def test_nothing_is_written_down_at_first() -> None:
    record = TraceLog(["keys", "activation"])
    assert record.routes.tolist() == [] and record.routes.dtype == torch.int64
    assert record.scores == {}
    assert record.activations.shape == (0, 2)
    assert record.best is None


def test_decisions_stand_in_the_order_in_which_they_were_taken() -> None:
    record = TraceLog(["keys", "activation", "nearest"], every=True)
    assert record.every
    keys = torch.tensor([[1.0, NOT, NOT], [-2.0, NOT, NOT]])
    activation = torch.tensor([[0.5, 3.0, NOT], [0.25, 4.0, NOT]])
    nearest = torch.tensor([[NOT, NOT, -1.0], [NOT, NOT, 0.5]])
    scores = {"keys": keys, "activation": activation, "nearest": nearest}
    record.add(Trace(torch.tensor([0, 2]), scores, torch.tensor([4, 5])))
    record.add(Trace(torch.tensor([BASE]), {name: values[:1] for name, values in scores.items()}, torch.tensor([6])))
    assert record.routes.tolist() == [0, 2, BASE]
    assert record.best is not None and record.best.tolist() == [4, 5, 6]
    assert list(record.scores) == ["keys", "activation", "nearest"]
    # Of each memory, what its own gate asks.
    assert record.activations.tolist() == [[1.0, 3.0, -1.0], [-2.0, 4.0, 0.5], [1.0, 3.0, -1.0]]


def test_a_gate_that_nobody_was_asked_for_has_no_score() -> None:
    record = TraceLog(["keys", "activation"])
    record.add(Trace(torch.tensor([1]), {"activation": torch.tensor([[NOT, 2.0]])}))
    assert record.activations.tolist() == [[NOT, 2.0]]


def test_modules_are_joined_to_one_decision() -> None:
    first = Trace(
        torch.tensor([BASE, 0, BASE]),
        {"activation": torch.tensor([[1.0, NOT], [2.0, NOT], [3.0, NOT]])},
    )
    second = Trace(
        torch.tensor([1, 0, BASE]),
        {
            "activation": torch.tensor([[NOT, 7.0], [NOT, 8.0], [NOT, 9.0]]),
            "keys": torch.tensor([[NOT, 0.0], [NOT, 1.0], [NOT, 2.0]]),
        },
        torch.tensor([3, 4, 5]),
    )
    joined = Trace.joined([first, second])
    assert joined.routes.tolist() == [1, 0, BASE]
    assert joined.scores["activation"].tolist() == [[1.0, 7.0], [2.0, 8.0], [3.0, 9.0]]
    assert joined.scores["keys"].tolist() == second.scores["keys"].tolist()
    assert joined.best is not None and joined.best.tolist() == [3, 4, 5]
    assert list(first.scores) == ["activation"]
