"""What earlier calls saw of each row."""

from __future__ import annotations

import torch

from wisedb.memory.gates.decision import seen_earlier


def test_rows_that_earlier_calls_saw() -> None:
    first = torch.tensor([[True, False], [False, False], [False, False]])
    second = torch.tensor([[False], [True], [False]])
    found = seen_earlier([first, second])
    assert found is not None and found.tolist() == [True, True, False]
    assert seen_earlier([]) is None
