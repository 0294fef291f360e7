"""A deferral answers at the tokens that its scorer takes, and nowhere else; no weight says what it says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.deferral import Deferral

MODULE = "blocks.1.down"
NAMES = ("scorer", "scorer_bias", "layer", "layer_bias")


def made(seed: int = 0) -> Deferral:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((5,), (1,), (5, 2), (2,))
    return Deferral(MODULE, *(torch.randn(shape, generator=generator) for shape in shapes))


def test_what_it_is() -> None:
    change = made()
    assert (change.modules, change.entries, change.shape(MODULE)) == ((MODULE,), 1, (5, 2))
    assert change.size == 4 * (5 + 1 + 10 + 2)


def test_it_answers_where_its_scorer_says_so() -> None:
    change = made()
    placed = change.place(MODULE, torch.device("cpu"), torch.float32)
    inputs, output = torch.randn(3, 7, 5), torch.randn(3, 7, 2)
    found = placed.apply(inputs, output, torch.zeros((), dtype=torch.int64))
    answered = 0
    for row in range(3):
        for token in range(7):
            x = inputs[row, token]
            wanted = output[row, token]
            if float(torch.sigmoid(x @ change.scorer + change.scorer_bias)) >= 0.5:
                wanted = wanted + x @ change.layer + change.layer_bias
                answered += 1
            torch.testing.assert_close(found[row, token], wanted)
    assert 0 < answered < 21
    half = change.place(MODULE, torch.device("cpu"), torch.float16)
    assert (half.scorer.dtype, half.layer.dtype, half.size) == (torch.float32, torch.float16, 4 * 6 + 2 * 12)
    assert half.apply(inputs.half(), output.half(), torch.zeros((), dtype=torch.int64)).dtype == torch.float16


def test_an_empty_one_changes_nothing() -> None:
    empty = Deferral.empty(MODULE, (5, 2)).place(MODULE, torch.device("cpu"), torch.float32)
    inputs, output = torch.randn(4, 5), torch.randn(4, 2)
    assert torch.equal(empty.apply(inputs, output, torch.zeros((), dtype=torch.int64)), output)


def test_no_weight_says_it() -> None:
    with pytest.raises(CannotBake, match="no weight"):
        made().delta(MODULE)


def test_it_is_read_back_from_its_parts() -> None:
    change = made()
    parts = change.parts()
    assert set(parts) == {Deferral.origin, Deferral.main} == {"origin", "deferral"}
    again = Deferral.of((MODULE,), parts)
    assert all(torch.equal(getattr(again, name), getattr(change, name)) for name in NAMES)
    assert again.module == MODULE and change.begun(parts["origin"]) is change


@pytest.mark.parametrize(
    "change",
    [
        {"scorer": None},
        {"more": torch.zeros(3)},
        {"scorer": torch.zeros(4)},
        {"scorer_bias": torch.zeros(())},
        {"layer": torch.zeros(5)},
        {"layer": torch.zeros(5, 2, dtype=torch.float16)},
        {"layer_bias": torch.zeros(3)},
        {"layer_bias": torch.full((2,), float("inf"))},
    ],
)
def test_damaged_parts_are_refused(change: Mapping[str, torch.Tensor | None]) -> None:
    tensors = {**made().parts()["deferral"].tensors, **change}
    part = Part({}, {name: tensor for name, tensor in tensors.items() if tensor is not None})
    with pytest.raises(CorruptObject):
        Deferral.of((MODULE,), {"deferral": part})


def test_it_has_one_module() -> None:
    for modules in ((), (MODULE, "another")):
        with pytest.raises(CorruptObject):
            Deferral.of(modules, made().parts())


def test_versions_are_compared() -> None:
    one, other = made(), made(1)
    flat = [torch.cat([getattr(each, name).reshape(-1) for name in NAMES]) for each in (one, other)]
    assert one.compare(None) == {"norm": float(flat[0].norm()), "change": float(flat[0].norm()), "entries": 18.0}
    assert one.compare(other)["change"] == pytest.approx(float((flat[0] - flat[1]).norm()))
    assert one.compare(made())["change"] == 0.0
