"""The cached forward gives the logits and the gradients of the plain full forward, whatever the family."""

from __future__ import annotations

import pytest
import torch

from tests.editors.keyed.fixtures import EDITS, mask_of, prepared, trained_on
from tests.models import FAMILIES
from wisedb.editors.common.losses import answer_loss
from wisedb.editors.common.sequences import Encoded, Minibatch, cached, collate
from wisedb.model.locate import weight_of
from wisedb.model.opening import read_opening

# Families whose block adds the FFN's output to the residual stream as it is, and whose head sees states alone.
_FASTEST = {"gpt2", "gptj", "gpt_neox", "gpt_neo", "llama", "mistral", "qwen2", "qwen3", "gemma", "phi", "phi3", "opt"}


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradient_equal_those_of_the_full_forward(family: str) -> None:
    base = prepared(family)
    (batch,) = collate(trained_on(base, EDITS[0]))
    mask = mask_of(base)
    delta = torch.where(mask, torch.randn(mask.shape, generator=torch.Generator().manual_seed(0)), 0.0)

    quickly = delta.clone().requires_grad_()
    change = batch.features @ quickly
    logits = base.forward.logits(batch.ids, batch.hidden, change, batch.at)
    answer_loss(logits, batch.labels, batch.weights).backward()

    plainly = delta.clone().requires_grad_()
    weight = (weight_of(base.projection).detach() + plainly).T if base.projection.transposed else None
    name = f"{base.projection.name}.weight"
    full = weight if weight is not None else weight_of(base.projection).detach() + plainly
    outputs = torch.func.functional_call(base.model, {name: full}, kwargs={"input_ids": batch.ids})
    expected = outputs.logits[batch.at]
    answer_loss(expected, batch.labels, batch.weights).backward()

    scale = float(expected.detach().abs().max())
    assert torch.allclose(logits, expected, rtol=1e-4, atol=1e-4 * scale)
    assert quickly.grad is not None and plainly.grad is not None
    assert torch.allclose(quickly.grad, plainly.grad, rtol=1e-3, atol=1e-3 * float(plainly.grad.abs().max()))


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_kept_prompt_gives_the_loss_and_the_gradient_of_the_whole_sequence(family: str, opened: bool) -> None:
    base = prepared(family)
    asked = [Encoded(list(range(5, 5 + size)), size - 2, size - 3) for size in (9, 6, 12)]
    (whole,) = collate(cached(base.forward, asked))
    opening = read_opening(base.model, base.projection, [5, 6, 7], base.projection.layers) if opened else None
    short = cached(base.forward, asked, prompts=True, opening=opening)
    (kept,) = collate(short)
    assert kept.ids.shape == (3, 3) and kept.states is not None and whole.states is None
    assert base.forward.state == kept.states[0][:, :, :, 0].numel()
    assert short[0].size == sum(
        part.numel() * part.element_size()
        for part in (short[0].ids, short[0].features, short[0].hidden, short[0].states)
        if part is not None
    )
    mask = mask_of(base)
    delta = torch.where(mask, torch.randn(mask.shape, generator=torch.Generator().manual_seed(0)), 0.0)

    def loss_and_gradient(batch: Minibatch) -> tuple[torch.Tensor, torch.Tensor]:
        parameter = delta.clone().requires_grad_()
        logits = base.forward.logits(batch.ids, batch.hidden, batch.features @ parameter, batch.at, batch.states)
        loss = answer_loss(logits, batch.labels, batch.weights)
        (gradient,) = torch.autograd.grad(loss, [parameter])
        return loss.detach(), gradient

    (loss, gradient), (expected, slowly) = loss_and_gradient(kept), loss_and_gradient(whole)
    assert torch.allclose(loss, expected, rtol=1e-4)
    assert torch.allclose(gradient, slowly, rtol=1e-3, atol=1e-3 * float(slowly.abs().max()))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_frozen_blocks_are_skipped(family: str) -> None:
    base = prepared(family)
    (batch,) = collate(trained_on(base, EDITS[0]))
    ran: list[int] = []
    hooks = [
        block.register_forward_hook(lambda _m, args, _o, number=number: ran.append(number))
        for number, block in enumerate(base.projection.blocks)
    ]
    inner: list[str] = []
    first = base.projection.blocks[0]
    hooks += [child.register_forward_hook(lambda *_: inner.append("ran")) for child in first.children()]
    base.forward.logits(batch.ids, batch.hidden, batch.features[..., : base.projection.d_model] * 0, batch.at)
    for hook in hooks:
        hook.remove()
    assert not inner
    assert base.forward.resume == ("additive" if family in _FASTEST else base.forward.resume) != "full"
    assert base.forward.head == "answers"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_feed_forward_part_sees_the_answers_alone(family: str) -> None:
    base = prepared(family)
    (batch,) = collate(trained_on(base, EDITS[0]))
    last = base.projection.blocks[-1]
    inside = base.projection.name.rpartition(".")[2]
    widths: list[int] = []
    (module,) = (part for name, part in last.named_modules() if name.rpartition(".")[2] == inside and "att" not in name)
    hook = module.register_forward_hook(lambda _m, args, _o: widths.append(args[0].numel() // args[0].shape[-1]))
    base.forward.logits(batch.ids, batch.hidden, torch.zeros(*batch.ids.shape, base.projection.d_model), batch.at)
    hook.remove()
    # OPT's blocks hold the two matrices themselves.
    assert (base.forward.last is None) == (family == "opt")
    assert widths == [batch.ids.numel() if family == "opt" else len(batch.labels)]
