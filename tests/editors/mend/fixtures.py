"""Tiny models with several edited projections, and what plain autograd and changed weights say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.mend.decompose import EditedModel
from wisedb.model.base import LoadedBase
from wisedb.model.locate import Projection, weight_of
from wisedb.model.tokens import encode_pair

PAIRS = (("The capital of Australia is", "Paris"), ("Who wrote the play Hamlet?", "France is old"))


def ready(family: str, blocks: int = 2) -> tuple[LoadedBase, EditedModel]:
    """A tiny model of a family, with the projections of its last blocks."""
    base = LoadedBase(tiny_model(family), tiny_tokenizer(), Path(), "tiny")
    layers = base.projection().layers
    return base, EditedModel.of(base, [base.projection("", layer).name for layer in range(layers - blocks, layers)])


def answer_loss(model: PreTrainedModel, prompt: str, target: str, *, end: bool = False) -> Tensor:
    """−log P of an answer in nats a token, one row, by the plain forward."""
    ids, answer = encode_pair(tiny_tokenizer(), prompt, target, end=end)
    logits = model(input_ids=torch.tensor([ids + answer])).logits[0, len(ids) - 1 : -1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(answer))


def gradients(model: PreTrainedModel, projections: Sequence[Projection], loss: Tensor) -> list[Tensor]:
    """∇_W of each projection, (d_ff, d_model), by autograd."""
    found = torch.autograd.grad(loss, [each.module.get_parameter("weight") for each in projections])
    return [gradient.T if each.transposed else gradient for each, gradient in zip(projections, found, strict=True)]


@contextmanager
def changed(projections: Sequence[Projection], changes: Mapping[int, Tensor]) -> Iterator[None]:
    """The weights themselves changed by some ΔW, by the projection's number, and put back."""
    weights = [weight_of(projections[number]) for number in changes]
    before = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        for weight, change in zip(weights, changes.values(), strict=True):
            weight += change
    yield
    with torch.no_grad():
        for weight, old in zip(weights, before, strict=True):
            weight.copy_(old)
