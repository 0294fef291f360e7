"""Which cuts a family's forward allows is tried on it."""

from __future__ import annotations

import torch

from tests.editors.keyed.fixtures import EDITS, context_of, prepared, trained_on
from tests.models import tiny_model
from wisedb.editors.common.sequences import collate
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate


def test_a_last_part_that_mixes_positions_runs_everywhere() -> None:
    base = prepared("llama")
    part = base.projection.blocks[-1].get_submodule("mlp")
    own = part.forward
    part.forward = lambda states: own(states + states.cumsum(1))
    mixed = context_of(base.model)
    assert base.forward.last == "mlp" and mixed.forward.last is None
    assert mixed.forward.resume == "additive" and mixed.forward.head == "answers"


def test_the_edited_block_runs_everywhere() -> None:
    model = tiny_model("llama")
    deepest = locate(model, layer=2)
    assert deepest.layer == deepest.layers - 1
    assert find_cached_forward(model, deepest).last is None


def test_a_family_that_can_not_skip_takes_the_full_forward() -> None:
    base = prepared("llama")
    original = base.model.forward

    def picky(*args: object, **kwargs: object) -> object:
        # Looks behind the blocks' backs: states that were not computed below are refused.
        if "forward" in base.projection.blocks[0].__dict__:
            raise RuntimeError("no")
        return original(*args, **kwargs)

    base.model.forward = picky
    full = context_of(base.model)
    assert full.forward.resume == "full"
    (batch,) = collate(trained_on(full, EDITS[0]))
    still = full.forward.logits(
        batch.ids, batch.hidden, torch.zeros(*batch.ids.shape, base.projection.d_model), batch.at
    )
    del base.model.forward
    assert torch.allclose(still, base.model(input_ids=batch.ids).logits[batch.at], atol=1e-4)


def test_a_family_that_keeps_no_prompts_runs_them_whole() -> None:
    base = prepared("llama")
    assert base.forward.state > 0
    original = base.model.forward

    def forgetful(*args: object, **kwargs: object) -> object:
        if kwargs.get("past_key_values") is not None:
            kwargs |= {"past_key_values": None, "attention_mask": None}
        return original(*args, **kwargs)

    base.model.forward = forgetful
    found = context_of(base.model).forward
    assert found.state == 0 and found.resume == "additive"
