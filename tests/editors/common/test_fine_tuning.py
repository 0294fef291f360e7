"""The loop of fine-tuning beside a plain one, which trains the weight itself through the whole model."""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch import Tensor

from tests.editors.fine_tuned import EDITS, frozen_of, plain_loss, plainly_fitted, zero
from wisedb.editors.common.fine_tuning import Schedule, fit, output_unit
from wisedb.errors import TrainingFailed
from wisedb.model.locate import weight_of


@pytest.mark.parametrize("family", ["gpt2", "llama", "gpt_neox"])
@pytest.mark.parametrize("end", [False, True])
def test_it_is_adam_on_the_weight_over_the_answers_tokens(family: str, end: bool) -> None:
    frozen = frozen_of(family)
    texts = frozen.edits(EDITS, end=end)
    found = fit(frozen, texts, zero(frozen), Schedule(2, 2, 0.01, 0.0))
    wanted = plainly_fitted(frozen, [EDITS[:2], EDITS[2:]] * 2, 0.01, end=end)
    torch.testing.assert_close(found.delta, wanted, rtol=1e-3, atol=1e-4)
    assert float(found.delta.abs().max()) > 0.01


def test_the_loss_that_is_told_is_that_of_the_last_epoch() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS, end=False)
    with torch.no_grad():
        wanted = float(plain_loss(frozen, EDITS, end=False))
    assert fit(frozen, texts, zero(frozen), Schedule(1, 3, 0.01, 0.0)).loss == pytest.approx(wanted, rel=1e-4)


def test_no_weight_of_the_model_changes() -> None:
    frozen = frozen_of("gpt2")
    held = {name: tensor.clone() for name, tensor in frozen.model.state_dict().items()}
    fit(frozen, frozen.edits(EDITS, end=True), zero(frozen), Schedule(3, 2, 0.05, 0.0))
    assert all(torch.equal(tensor, held[name]) for name, tensor in frozen.model.state_dict().items())
    assert all(parameter.grad is None for parameter in frozen.model.parameters())


def test_after_each_step_no_entry_is_beyond_the_bound() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS[:1], end=False)
    found = fit(frozen, texts, zero(frozen), Schedule(6, 1, 0.01, 0.0), bound=0.015).delta

    def clamp(weight: Tensor, before: Tensor) -> None:
        weight.copy_(before + (weight - before).clamp(-0.015, 0.015))

    wanted = plainly_fitted(frozen, [EDITS[:1]] * 6, 0.01, after=clamp)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    assert float(found.abs().max()) == pytest.approx(0.015)


def test_a_penalty_is_part_of_the_loss() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS[:1], end=False)

    def pull(delta: Tensor) -> Tensor:
        return 50 * (delta - 0.02).square().sum()

    found = fit(frozen, texts, zero(frozen), Schedule(4, 1, 0.01, 0.0), penalty=pull).delta
    torch.testing.assert_close(found, plainly_fitted(frozen, [EDITS[:1]] * 4, 0.01, more=pull), rtol=1e-3, atol=1e-4)


def test_what_is_learned_takes_no_more_steps() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS, end=False)
    still = fit(frozen, texts, zero(frozen), Schedule(5, 2, 0.01, 100.0))
    assert not still.delta.any()
    # Of two minibatches, the one that is learned takes none, and the other ones do.
    alone = fit(frozen, texts[:1], zero(frozen), Schedule(60, 1, 0.02, 0.5))
    assert alone.loss < 0.5
    again = fit(frozen, texts[:1], alone.delta, Schedule(60, 1, 0.02, 0.5))
    assert torch.equal(again.delta, alone.delta)
    assert not torch.equal(fit(frozen, texts[:2], alone.delta, Schedule(1, 1, 0.02, 0.5)).delta, alone.delta)


def test_the_order_comes_from_the_chooser() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS, end=False)
    orders = [
        fit(frozen, texts, zero(frozen), Schedule(2, 1, 0.01, 0.0), chooser=Random(seed)).delta for seed in (1, 1, 2)
    ]
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2])


def test_a_loss_that_is_no_number_is_refused() -> None:
    frozen = frozen_of("llama")
    texts = frozen.edits(EDITS, end=False)
    with pytest.raises(TrainingFailed, match="no longer a number"):
        fit(frozen, texts, torch.full(frozen.weight.shape, float("nan")), Schedule(2, 2, 0.01, 0.0))


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_delta_of_one_unit_can_change_the_output_by_its_own_size(family: str) -> None:
    frozen = frozen_of(family)
    weight = weight_of(frozen.projection).detach()
    unit = output_unit(weight)
    assert unit == pytest.approx(float(weight.square().mean().sqrt()) / weight.shape[0] ** 0.5, rel=1e-3)
    inputs = torch.randn(2000, weight.shape[0], generator=torch.Generator().manual_seed(0)).sign()
    # With signs to match each input: the most that entries of this size can do.
    most = unit * inputs.abs().sum(1)
    usual = (inputs @ weight).square().mean().sqrt()
    assert float(most.mean() / usual) == pytest.approx(1.0, rel=0.1)
