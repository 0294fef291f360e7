"""The optimiser's step, damped."""

from __future__ import annotations

import torch

from tests.editors.keyed.fixtures import quick
from wisedb.editors.keyed.optimiser import damp, optimise


def moved(gradient: torch.Tensor, *, damped: bool, optimizer: str = "adam") -> torch.Tensor:
    parameter = torch.zeros_like(gradient, requires_grad=True)
    stepper, _ = optimise(quick(optimizer=optimizer), parameter, 10)
    parameter.grad = gradient.clone()
    if damped:
        damp(stepper, parameter)
    stepper.step()
    return parameter.detach().abs()


def test_what_the_gradient_hardly_points_at_hardly_moves() -> None:
    gradient = torch.tensor([1.0, 0.001])
    plain, less = moved(gradient, damped=False), moved(gradient, damped=True)
    assert plain[1] > 0.9 * plain[0]
    assert less[1] < 0.01 * less[0] and less[0] > 0.4 * plain[0]


def test_only_adam_is_damped_and_no_number_is_no_damping() -> None:
    gradient = torch.tensor([1.0, 0.001])
    assert torch.equal(moved(gradient, damped=True, optimizer="sgd"), moved(gradient, damped=False, optimizer="sgd"))
    parameter = torch.zeros(2, requires_grad=True)
    stepper, _ = optimise(quick(), parameter, 10)
    parameter.grad = torch.tensor([float("nan"), 1.0])
    damp(stepper, parameter)
    assert stepper.param_groups[0]["eps"] == 1e-8
