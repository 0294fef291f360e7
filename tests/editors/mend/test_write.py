"""Edits that a network writes: a sum over tokens and edits, each on the model as the earlier change left it."""

from __future__ import annotations

import pytest
import torch

from tests.editors.mend.fixtures import PAIRS, answer_loss, changed, gradients, ready
from wisedb.editors.mend.decompose import EditedModel
from wisedb.editors.mend.network import EditorNetworks
from wisedb.editors.mend.write import write_edits
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.model.base import LoadedBase

EDITS = [Edit(*pair) for pair in PAIRS]
RATES = [0.3, 0.7]


def _begun(family: str) -> tuple[LoadedBase, EditedModel, EditorNetworks, LowRankDelta]:
    base, model = ready(family)
    shapes = {each.name: (each.d_ff, each.d_model) for each in model.projections}
    networks = EditorNetworks.begun(shapes, 4, 0)
    networks.set_rates(RATES)
    return base, model, networks, LowRankDelta.empty(shapes)


@pytest.mark.parametrize("family", ["gpt2", "gpt_neox", "opt", "llama", "falcon", "bloom", "gemma2"])
def test_an_untrained_network_descends_the_gradient(family: str) -> None:
    base, model, networks, nothing = _begun(family)
    plain = [answer_loss(base.model, *pair) for pair in PAIRS]
    first = gradients(base.model, model.projections, torch.stack(plain).sum())

    together, loss = write_edits(model, base.tokenizer, networks, EDITS, nothing, end=False)

    assert loss == pytest.approx(float(torch.stack(plain).detach().mean()), rel=1e-4)
    for number, each in enumerate(model.projections):
        torch.testing.assert_close(together.delta(each.name), -RATES[number] * first[number], rtol=1e-3, atol=1e-5)

    one, _ = write_edits(model, base.tokenizer, networks, EDITS[:1], nothing, end=False)
    after, _ = write_edits(model, base.tokenizer, networks, EDITS[1:], one, end=False)
    with changed(model.projections, {n: one.delta(each.name) for n, each in enumerate(model.projections)}):
        second = gradients(base.model, model.projections, answer_loss(base.model, *PAIRS[1]))
    for number, each in enumerate(model.projections):
        added = after.delta(each.name) - one.delta(each.name)
        torch.testing.assert_close(added, -RATES[number] * second[number], rtol=1e-3, atol=1e-5)


def test_no_factor_grows_beyond_the_weight() -> None:
    base, model, networks, change = _begun("llama")
    many = [Edit(f"The capital number {number} of Australia is", "Paris") for number in range(40)]
    for _ in range(2):
        change, _ = write_edits(model, base.tokenizer, networks, many, change, end=True)
        for each in model.projections:
            assert change.left[each.name].shape[1] <= min(each.d_ff, each.d_model)


def test_a_change_that_is_no_number_is_refused() -> None:
    base, model, networks, nothing = _begun("llama")
    networks.set_rates([float("inf"), 1.0])
    with pytest.raises(TrainingFailed):
        write_edits(model, base.tokenizer, networks, EDITS, nothing, end=False)
