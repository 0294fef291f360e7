"""In which manner a sentence asks."""

from __future__ import annotations

import torch

from wisedb.memory.gates.keys.manner import asks_for_text, asks_nothing, compute_manner

WIDTH = 24


def states(count: int, place: int | None, seed: int) -> torch.Tensor:
    """Random states that are moved along one axis, none for None."""
    drawn = torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))
    if place is not None:
        drawn[:, place] += 12.0
    return drawn


def test_each_manner_is_told_from_the_others() -> None:
    questions, texts, either, statements = states(60, None, 0), states(40, 3, 1), states(10, 3, 2), states(8, 15, 3)
    requested: list[bool | None] = [False] * 60 + [True] * 40 + [None] * 10
    manner = compute_manner(torch.cat([questions, texts, either]), requested, statements)
    assert manner.shape == (2, WIDTH + 1) and manner.dtype == torch.float32
    new = {"question": states(50, None, 4), "text": states(50, 3, 5), "statement": states(50, 15, 6)}
    text = {kind: float(asks_for_text(manner, some).float().mean()) for kind, some in new.items()}
    nothing = {kind: float(asks_nothing(manner, some).float().mean()) for kind, some in new.items()}
    assert text["question"] < 0.05 and text["text"] > 0.95
    assert nothing["question"] < 0.05 and nothing["text"] < 0.05 and nothing["statement"] > 0.9


def test_what_lies_in_the_middle_is_taken_for_a_question() -> None:
    manner = compute_manner(torch.cat([states(60, None, 0), states(40, 3, 1)]), [False] * 100, states(60, 15, 3))
    halfway = states(400, None, 7)
    halfway[:, 15] += 6.0
    assert float(asks_nothing(manner, halfway).float().mean()) < 0.4
