"""Residual memories among models: the edit whose mask a prompt's own overlaps enough answers, to the answer's end.

That a batch is its rows, that scoring agrees with saying, caches, beams and samples are asked of them as of any other
gate: :mod:`tests.memory.test_honest`, :mod:`tests.memory.test_honest_generation`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.memory.keyed import ROUTES
from tests.memory.parts import residuals
from tests.memory.sides import CLOSE, PROMPTS, TOKENIZER, batch, forward
from tests.models import FAMILIES, tiny_model
from wisedb.memory.gates.base import Gate
from wisedb.memory.hooks import attach
from wisedb.memory.kinds.residual_memory import ResidualMemory
from wisedb.model.locate import locate


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_answers_what_overlaps(family: str) -> None:
    model = tiny_model(family)
    before = forward(model, **batch(PROMPTS))
    memories = residuals(model)
    handle = attach(model, memories)
    assert (handle.router, handle.thresholds) == ("overlap", tuple(memory.gate.threshold for memory in memories))
    with handle.record() as record:
        logits = forward(model, **batch(PROMPTS))
    assert record.routes.tolist() == ROUTES
    assert [torch.equal(logits[row], before[row]) for row in range(len(PROMPTS))] == [route < 0 for route in ROUTES]
    for row, route in enumerate(ROUTES):
        if route >= 0:
            torch.testing.assert_close(record.activations[row, route], torch.tensor(1.0), **CLOSE)
        else:
            assert (record.activations[row] < memories[0].gate.threshold).all()


def test_the_threshold_is_where_it_ends() -> None:
    model = tiny_model("llama")
    memory = residuals(model)[0]
    change = memory.change
    assert isinstance(change, ResidualMemory)
    # As many of its entries as make the overlap three quarters.
    own = change.masks[0].nonzero()[:, 0].tolist()
    others = (~change.masks[0]).nonzero()[:, 0].tolist()
    gone = change.active // 4
    mask = change.masks[:1].clone()
    mask[0, own[:gone]], mask[0, others[:gone]] = False, True
    packed = torch.from_numpy(np.packbits(mask.numpy(), axis=1))
    share = 1 - gone / change.active
    for threshold, route in ((share - 0.01, 0), (share + 0.01, -1)):
        some = replace(
            memory, change=replace(change, packed=packed), gate=Gate("overlap", threshold), edits=("edit-0",)
        )
        handle = attach(model, some)
        with handle.record() as record:
            forward(model, **batch([PROMPTS[0]]))
        assert record.routes.tolist() == [route]
        assert record.activations.item() == pytest.approx(share, abs=1e-5)
        handle.detach()


def test_the_largest_overlap_answers_and_an_empty_memory_never() -> None:
    model = tiny_model("llama")
    first, second = residuals(model)
    where = locate(model)
    assert isinstance(first.change, ResidualMemory)
    empty = ResidualMemory.empty(
        where.name, (where.d_ff, where.d_model), first.change.active, first.change.permutation, torch.float32
    )
    loose = [replace(memory, gate=Gate("overlap", 0.01)) for memory in (first, second)]
    handle = attach(model, [replace(first, id="none", change=empty, edits=()), *loose])
    with handle.record() as record:
        forward(model, **batch([PROMPTS[3], PROMPTS[6]]))
    assert record.routes.tolist() == [2, 1]


def test_a_plain_forward_goes_on_for_some_tokens() -> None:
    model = tiny_model("llama")
    handle = attach(model, residuals(model))
    ids = TOKENIZER(PROMPTS[6] + " Paris Paris", return_tensors="pt")["input_ids"]
    with handle.record() as record:
        forward(model, input_ids=ids)
    assert record.routes.tolist() == [0]
