"""The pure parts of routing: the choice and the scope of a decision."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wisedb.errors import UsageError
from wisedb.memory.bank import Bank
from wisedb.memory.forward_call import ForwardCall, causal, up_to_labels, up_to_lengths, up_to_position
from wisedb.memory.gates.activation import delta_activation
from wisedb.memory.gates.activation_router import choose, measure
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.memory import Memory
from wisedb.memory.routing import HostSlots, combine
from wisedb.memory.slots import BASE, SlotTable

NUMBERS = st.lists(st.floats(0, 10, width=32), min_size=1, max_size=5)


def bank(count: int, seed: int = 0, thresholds: list[float] | None = None) -> Bank:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(6, 4, dtype=torch.bool)
    memories = []
    for n in range(count):
        change = MaskedDelta.under("w", mask, torch.randn(24, generator=generator))
        memories.append(Memory(str(n), change, Gate("activation", thresholds[n] if thresholds else 0.0)))
    return Bank(memories, "w", (6, 4))


def deltas_of(memories: Bank) -> list[torch.Tensor]:
    return [memory.change.delta("w") for memory in memories.memories]


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
    memories = bank(count, seed, torch.rand(count, generator=generator).mul(6).tolist())
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


@given(st.lists(st.integers(-1, 2), min_size=1, max_size=5), st.integers(1, 3))
def test_a_selection_adds_each_row_its_own_memory(routes: list[int], times: int) -> None:
    memories = bank(3)
    hidden, output = torch.randn(len(routes) * times, 2, 6), torch.randn(len(routes) * times, 2, 4)
    got = HostSlots(routes, memories.slot_table).apply(output, hidden, memories)
    for row in range(len(output)):
        route = routes[row // times]
        if route == BASE:
            assert torch.equal(got[row], output[row])
        else:
            torch.testing.assert_close(got[row], output[row] + hidden[row] @ deltas_of(memories)[route])


def test_routes_for_another_batch_are_refused() -> None:
    for routes in ([0, 1], []):
        with pytest.raises(UsageError, match="for a batch of 3 rows"):
            HostSlots(routes, SlotTable.of(())).expanded(3)


def test_where_a_prompt_ends() -> None:
    valid = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 0]], dtype=torch.bool)
    begun = torch.tensor([False, False])
    labels = torch.tensor([[-100, -100, -100, 7], [-100, 5, 6, -100]])
    scope = up_to_labels(valid, labels, begun)
    assert scope.seen.int().tolist() == [[0, 1, 1, 0], [1, 0, 0, 0]]
    assert scope.held.tolist() == [True, True]
    assert torch.equal(up_to_lengths(valid, torch.tensor([2, 1]), begun).seen, scope.seen)
    assert up_to_position(valid, 2).seen.int().tolist() == [[0, 1, 0, 0], [1, 1, 0, 0]]
    assert causal(valid).held.tolist() == [False, False]


def test_without_a_prompt_or_an_answer() -> None:
    valid = torch.tensor([[0, 1, 1], [1, 1, 1]], dtype=torch.bool)
    labels = torch.tensor([[-100, 4, 5], [-100, -100, -100]])
    scope = up_to_labels(valid, labels, torch.tensor([False, False]))
    assert scope.held.tolist() == [False, True]
    assert torch.equal(scope.seen, valid)
    # The prompt may be in the cache: then the answer alone is here and must not be seen.
    scope = up_to_labels(valid, labels, torch.tensor([True, False]))
    assert scope.held.tolist() == [True, True]
    assert scope.seen.int().tolist() == [[0, 0, 0], [1, 1, 1]]


def test_masks_in_every_form() -> None:
    device = torch.device("cpu")
    wanted = torch.tensor([[0, 1, 1], [1, 1, 1]], dtype=torch.bool)
    flat = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    causal_mask = torch.ones(4, 4, dtype=torch.bool).tril()[1:]
    four = causal_mask[None, None] & flat.bool()[:, None, None, :]
    four = four & flat.bool()[:, None, 1:, None]
    additive = torch.zeros(four.shape).masked_fill(~four, torch.finfo(torch.float32).min)
    for mask in (flat, four, additive, {"full_attention": four, "sliding_attention": None}):
        assert torch.equal(ForwardCall(None, 2, 3, mask, past=1).valid(device), wanted)
    assert ForwardCall(None, 2, 3).valid(device).all()
    with pytest.raises(UsageError, match="padding"):
        ForwardCall(None, 2, 3, "mask").valid(device)


def test_a_bank_keeps_its_digits_through_half_precision() -> None:
    memories = bank(2)
    hidden = torch.randn(1, 1, 6)
    before = memories.product(1, hidden)
    assert memories.product(1, hidden.bfloat16()).dtype == torch.bfloat16
    assert torch.equal(memories.product(1, hidden), before)
