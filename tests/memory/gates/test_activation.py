"""Δ_act against the formula written out token by token."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.memory.activations import delta_activation, running_activation
from wisedb.memory.gates.activation import (
    RunningSquares,
    rms,
    running_squares,
    token_squares,
)


def _batch(seed: int, rows: int = 3, tokens: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(rows, tokens, 7, generator=generator)
    delta = torch.randn(7, 4, generator=generator)
    valid = torch.rand(rows, tokens, generator=generator) < 0.6
    return hidden, delta, valid


@given(st.integers(0, 2**32))
def test_it_is_the_root_mean_square_norm_over_the_valid_tokens(seed: int) -> None:
    hidden, delta, valid = _batch(seed)
    got = delta_activation(hidden, delta, valid)
    assert got.dtype == torch.float32
    for row in range(3):
        squares = [(hidden[row, t] @ delta).square().sum() for t in range(6) if valid[row, t]]
        torch.testing.assert_close(got[row], torch.stack(squares).mean().sqrt() if squares else torch.tensor(0.0))


@given(st.integers(0, 2**32))
def test_the_running_activation_is_that_of_every_prefix(seed: int) -> None:
    hidden, delta, valid = _batch(seed)
    running = running_activation(hidden, delta, valid)
    for t in range(6):
        torch.testing.assert_close(running[:, t], delta_activation(hidden[:, : t + 1], delta, valid[:, : t + 1]))


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_a_tally_goes_on_where_it_stopped(seed: int, cut: int) -> None:
    hidden, delta, valid = _batch(seed)
    squares = token_squares(hidden @ delta)[..., None]
    whole = running_squares(squares, valid)
    head = running_squares(squares[:, :cut], valid[:, :cut])
    tail = running_squares(squares[:, cut:], valid[:, cut:], RunningSquares(head.sums[:, -1], head.counts[:, -1]))
    torch.testing.assert_close(rms(tail), rms(whole)[:, cut:])
    assert torch.equal(tail.counts, whole.counts[:, cut:])


def test_half_precision_is_added_up_in_float32() -> None:
    hidden = torch.full((1, 4096, 1), 64.0, dtype=torch.float16)
    delta = torch.full((1, 1), 8.0, dtype=torch.float16)
    got = delta_activation(hidden, delta, torch.ones(1, 4096, dtype=torch.bool))
    assert got.tolist() == [512.0]


def test_the_gradient_of_an_untouched_memory_is_finite() -> None:
    hidden, delta, _ = _batch(0)
    delta = torch.zeros_like(delta).requires_grad_()
    delta_activation(hidden, delta, torch.ones(3, 6, dtype=torch.bool)).sum().backward()
    assert delta.grad is not None
    assert torch.isfinite(delta.grad).all()
