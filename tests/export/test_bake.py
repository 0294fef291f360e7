"""Memories in the weights: what is always on, at every module that it changes, rounded once, or refused."""

from __future__ import annotations

import pytest
import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.errors import CannotBake
from wisedb.export.bake import bake, baked_weight
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.memory import Memory
from wisedb.model.base import LoadedBase
from wisedb.model.locate import weight_of
from wisedb.serving.attached import attached

FAMILIES = ("llama", "gpt2")  # their matrices lie the two ways round


@pytest.fixture(params=FAMILIES)
def base(request: pytest.FixtureRequest, tmp_path: object) -> LoadedBase:
    model = tiny_model(request.param).eval()
    return LoadedBase(model, tiny_tokenizer(), tmp_path, request.param)  # type: ignore[arg-type]


def _places(base: LoadedBase) -> dict[str, tuple[int, int]]:
    found = [base.projection("", layer) for layer in (0, 1)]
    return {each.name: (each.d_ff, each.d_model) for each in found}


def _factored(base: LoadedBase) -> Memory:
    generator = torch.Generator().manual_seed(0)
    change = LowRankDelta.empty(_places(base))
    for module, (rows, columns) in _places(base).items():
        change = change.plus(
            module, torch.randn(rows, 2, generator=generator) * 0.2, torch.randn(2, columns, generator=generator) * 0.2
        )
    return Memory("factors", change, Gate("always"), ("a",))


def _masked(base: LoadedBase) -> Memory:
    module, shape = next(iter(_places(base).items()))
    mask = random_mask(shape, 0.4, 1)
    values = torch.randn(int(mask.sum()), generator=torch.Generator().manual_seed(1)) * 0.2
    return Memory("delta", MaskedDelta.under(module, mask, values), Gate("always"), ("b",))


@torch.no_grad()
def _logits(base: LoadedBase) -> torch.Tensor:
    ids = base.tokenizer(["The capital of France is"], return_tensors="pt").input_ids
    logits: torch.Tensor = base.model(input_ids=ids).logits
    return logits


def test_weights_say_what_always_on_memories_say(base: LoadedBase) -> None:
    memories = [_factored(base), _masked(base)]
    plain = _logits(base)
    with attached(base, memories):
        expected = _logits(base)
    assert not torch.allclose(plain, expected, atol=1e-3)
    before = {module: weight_of(base.projection(module)).clone() for module in _places(base)}
    others = {name: value.clone() for name, value in base.model.state_dict().items()}
    bake(base, memories)
    torch.testing.assert_close(_logits(base), expected, rtol=1e-4, atol=1e-4)
    changed = {name for name, value in base.model.state_dict().items() if not torch.equal(value, others[name])}
    assert changed == {f"{module}.weight" for module in _places(base)}
    first, second = _places(base)
    for module, held in ((first, memories), (second, memories[:1])):
        total = before[module] + sum(memory.change.delta(module) for memory in held)
        torch.testing.assert_close(weight_of(base.projection(module)), total)


def test_nothing_is_baked_of_nothing(base: LoadedBase) -> None:
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    bake(base, [])
    assert all(torch.equal(value, before[name]) for name, value in base.model.state_dict().items())


def test_it_is_rounded_once(base: LoadedBase) -> None:
    module, shape = next(iter(_places(base).items()))
    weight = torch.ones(shape, dtype=torch.bfloat16)
    # A quarter of the last digit of 1, four times: rounded in between nothing would be left of it.
    step = LowRankDelta.empty({module: shape}).plus(module, torch.full((shape[0], 1), 2.0**-9), torch.ones(1, shape[1]))
    memories = [Memory(str(number), step, Gate("always")) for number in range(4)]
    found = baked_weight(weight, module, memories)
    assert found.dtype == torch.bfloat16 and torch.equal(found, weight + 2.0**-7)
    assert torch.equal(weight, torch.ones(shape, dtype=torch.bfloat16))


def test_what_no_weight_can_say_is_refused_before_anything_changes(base: LoadedBase) -> None:
    module, shape = next(iter(_places(base).items()))
    memories = [_factored(base), Memory("book", Codebook.empty(module, shape), Gate("nearest"))]
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    with pytest.raises(CannotBake):
        bake(base, memories)
    assert all(torch.equal(value, before[name]) for name, value in base.model.state_dict().items())
