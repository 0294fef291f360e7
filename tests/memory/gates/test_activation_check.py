"""Keys and activation together: what the keys name answers where its Δ_act, as the formula has it, reaches ε."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from tests.memory.activations import delta_activation
from tests.memory.banks import bank_of, deltas_of
from wisedb.memory.cache_state import CacheState, save_state, state_attribute, state_of
from wisedb.memory.forward_call import ForwardCall, causal
from wisedb.memory.gates.activation_check import ActivationCheck, ActivationSpan
from wisedb.memory.gates.decision import Scoping
from wisedb.memory.routing import Scope
from wisedb.memory.slots import BASE

ROWS, TOKENS = 3, 4


def _inputs(seed: int = 0) -> torch.Tensor:
    return torch.randn(ROWS, TOKENS, 6, generator=torch.Generator().manual_seed(seed))


def _everything(tokens: int = TOKENS) -> Scoping:
    return lambda _begun: causal(torch.ones(ROWS, tokens, dtype=torch.bool))


def test_a_memory_is_measured_over_the_tokens_that_count_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bank, hidden = bank_of(2), _inputs()
    seen = torch.rand(ROWS, TOKENS, generator=torch.Generator().manual_seed(1)) < 0.6
    stretch = ActivationSpan(hidden, seen)
    squares = (hidden @ deltas_of(bank)[1]).square().sum(dim=-1) * seen
    torch.testing.assert_close(stretch.sums(1, bank), squares.cumsum(dim=1))
    assert torch.equal(stretch.counts, seen.float().cumsum(dim=1))
    monkeypatch.setattr(bank, "product", None)
    stretch.sums(1, bank)


def test_positions_of_stretches_are_kept_with_a_cache() -> None:
    hidden = torch.randn(1, 3, 5)
    seen = torch.tensor([[False, True, True]])
    state: CacheState[ActivationSpan] = state_of(None, "me", state_attribute("test", "blocks.1.down"))
    (found,) = state.extended(0, ActivationSpan(hidden, seen)).before(2, 2)
    assert torch.equal(found.hidden, hidden[:, :2].repeat(2, 1, 1))
    assert found.counts.tolist() == [[0.0, 1.0]] * 2


def test_what_is_named_and_not_excited_enough_gives_way_to_the_base_model() -> None:
    hidden = _inputs()
    everything = torch.ones(ROWS, TOKENS, dtype=torch.bool)
    measured = torch.stack([delta_activation(hidden, delta, everything) for delta in deltas_of(bank_of(2))], dim=1)
    # Row 0 names memory 0 and reaches its threshold, row 1 names it and doesn't, row 2 names nobody.
    threshold = float(measured[:2, 0].mean())
    bank = bank_of(2, thresholds=[threshold, 0.0])
    named = torch.tensor([[0], [0], [BASE]]).expand(ROWS, TOKENS)
    whole = Scope(everything, torch.ones(ROWS, dtype=torch.bool))
    routes, found = ActivationCheck(bank).agreed(
        ForwardCall(None, ROWS, TOKENS), hidden, named, lambda _: whole, (0, 1)
    )
    torch.testing.assert_close(found[0], measured[:, :1].expand(-1, TOKENS))
    answers = [0 if float(value) >= threshold else BASE for value in measured[:2, 0]]
    assert sorted(answers) == [BASE, 0]
    assert routes.tolist() == [[answer] * TOKENS for answer in (*answers, BASE)]


def test_only_what_is_named_is_measured_unless_somebody_records() -> None:
    bank, hidden = bank_of(3), _inputs()
    named = torch.tensor([[1], [BASE], [1]]).expand(ROWS, TOKENS)
    for may_sync, recorded, wanted in ((True, False, [1]), (True, True, [0, 1, 2]), (False, False, [0, 1, 2])):
        call = ForwardCall(None, ROWS, TOKENS, may_sync=may_sync, recorded=recorded)
        _, found = ActivationCheck(bank).agreed(call, hidden, named, _everything(), range(3))
        assert list(found) == wanted


def test_in_parts_it_measures_what_it_measures_at_once() -> None:
    bank, hidden = bank_of(1), _inputs()
    named = torch.zeros(ROWS, TOKENS, dtype=torch.int64)
    check = ActivationCheck(bank)
    _, whole = check.agreed(ForwardCall(None, ROWS, TOKENS), hidden, named, _everything(), (0,))
    cache, parts = SimpleNamespace(), []
    for past, size in ((0, 3), (3, 1)):
        here = slice(past, past + size)
        call = ForwardCall(None, ROWS, size, cache=cache, past=past)
        _, found = check.agreed(call, hidden[:, here], named[:, here], _everything(size), (0,))
        parts.append(found[0])
        for state in call.cache_states:
            save_state(cache, state)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole[0])
