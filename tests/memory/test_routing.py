"""The pure parts of routing: the choice and the scope of a decision."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.memory.banks import bank_of, deltas_of
from wisedb.errors import UsageError
from wisedb.memory.routing import HostSlots
from wisedb.memory.slots import BASE, SlotTable


@given(st.lists(st.integers(-1, 2), min_size=1, max_size=5), st.integers(1, 3))
def test_a_selection_adds_each_row_its_own_memory(routes: list[int], times: int) -> None:
    memories = bank_of(3)
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
