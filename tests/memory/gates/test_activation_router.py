"""WISE-Retrieve's decision: the largest activation that reaches its threshold, measured in one pass."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.memory.activations import delta_activation
from tests.memory.banks import bank_of, deltas_of
from wisedb.memory.forward_call import causal
from wisedb.memory.gates.activation_router import choose, measure
from wisedb.memory.routing import combine
from wisedb.memory.slots import BASE

NUMBERS = st.lists(st.floats(0, 10, width=32), min_size=1, max_size=5)


@given(NUMBERS, NUMBERS)
def test_the_largest_that_reaches_its_threshold_answers(activations: list[float], thresholds: list[float]) -> None:
    count = min(len(activations), len(thresholds))
    reached = [a for a, t in zip(activations, thresholds, strict=False) if a >= t]
    best, number = choose(torch.tensor([activations[:count]]), torch.tensor(thresholds[:count]))
    if reached:
        assert best.item() == max(reached)
        assert activations[int(number)] == max(reached)
        assert activations[int(number)] >= thresholds[int(number)]
    else:
        assert best.item() == -float("inf")


@given(st.integers(0, 1000), st.integers(1, 7))
def test_deciding_in_parts_is_deciding_at_once(seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(3, 5, 6, generator=generator)
    valid = torch.rand(3, 5, generator=generator) < 0.7
    memories = bank_of(count, seed, torch.rand(count, generator=generator).mul(6).tolist())
    held = torch.tensor([True, False, True])
    routed, _ = measure(hidden, memories, range(count), causal(valid)._replace(held=held))
    deltas = deltas_of(memories)
    assert routed.added is not None
    for row in range(3):
        for t in range(5):
            end = 5 if held[row] else t + 1
            seen = hidden[row : row + 1, :end], valid[row : row + 1, :end]
            activations = torch.cat([delta_activation(seen[0], delta, seen[1]) for delta in deltas])
            torch.testing.assert_close(routed.scores[row, t], activations)
            reached = [
                (value, n)
                for n, value in enumerate(activations.tolist())
                if value >= memories.memories[n].gate.threshold
            ]
            wanted = max(reached)[1] if reached else BASE
            assert routed.slots[row, t] == wanted
            if wanted != BASE:
                torch.testing.assert_close(routed.added[row, t], hidden[row, t] @ deltas[wanted])
    output = torch.randn(3, 5, 4, generator=generator)
    combined = combine(output, routed.slots, routed.added)
    assert torch.equal(combined[routed.slots == BASE], output[routed.slots == BASE])
