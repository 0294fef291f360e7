"""The memories of one module: what is placed where the model computes, and how long it stays."""

from __future__ import annotations

import pytest
import torch

from tests.memory.banks import bank_of, deltas_of
from wisedb.memory.bank import Bank
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.memory import Memory

MODULE = "w"


def test_a_bank_keeps_its_digits_through_half_precision() -> None:
    memories = bank_of(2)
    hidden = torch.randn(1, 1, 6)
    before = memories.product(1, hidden)
    assert memories.product(1, hidden.bfloat16()).dtype == torch.bfloat16
    assert torch.equal(memories.product(1, hidden), before)


def test_matrices_stay_where_there_is_room() -> None:
    mask = torch.ones(4, 2, dtype=torch.bool)
    changes = [MaskedDelta.under(MODULE, mask, torch.full((8,), n + 1.0)) for n in range(3)]
    memories = [Memory(str(n), change, Gate("activation")) for n, change in enumerate(changes)]
    size = 4 * 2 * 4
    cpu = torch.device("cpu")
    for room, kept in ((None, 3), (3 * size, 3), (2 * size, 0), (0, 0)):
        bank = Bank(memories, MODULE, (4, 2), room)
        bank.place(cpu, torch.float32)
        assert bank.size == kept * size and bank.complete == (kept == 3)
    bank = Bank(memories, MODULE, (4, 2), 2 * size)
    bank.place(cpu, torch.float32)
    hidden = torch.ones(1, 4)
    for number in (0, 1, 0, 2, 1):
        assert bank.product(number, hidden).tolist() == [[4.0 * (number + 1)] * 2]
        assert bank.size <= 2 * size
    lent = Bank(memories, MODULE, (4, 2), 0)
    lent.place(cpu, torch.float32)
    matrix = lent.placed(1)
    # Whoever holds it shares it; nobody else keeps it.
    assert lent.placed(1) is matrix and lent.size == 0


def test_what_another_thread_lets_go_meanwhile_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = bank_of(3)
    bank.cache_bytes = 2 * 6 * 4 * 4
    bank.place(torch.device("cpu"), torch.float32)
    hidden = torch.randn(1, 6)
    expected = [hidden @ delta for delta in deltas_of(bank)]
    bank.placed(0)
    bank.placed(1)
    fits = Bank._fits

    def meanwhile(self: Bank, count: int) -> bool:
        found = fits(self, count)
        self._placed.clear()
        return found

    monkeypatch.setattr(Bank, "_fits", meanwhile)
    for number in (2, 0, 1):
        torch.testing.assert_close(bank.product(number, hidden), expected[number])
