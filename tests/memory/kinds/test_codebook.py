"""A codebook is keys, radii, values and owners of one length; no weight says what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.codebook import Codebook

MODULE = "blocks.1.down"
NAMES = ("keys", "values", "radii", "owners")


def made(count: int = 3, seed: int = 0) -> Codebook:
    generator = torch.Generator().manual_seed(seed)
    keys, values = torch.randn(count, 5, generator=generator), torch.randn(count, 2, generator=generator)
    return Codebook(MODULE, keys, values, torch.rand(count, generator=generator), torch.arange(count))


def test_what_it_is() -> None:
    book = made()
    assert (book.modules, book.entries, book.shape(MODULE)) == ((MODULE,), 3, (5, 2))
    assert book.size == 4 * (15 + 6 + 3) + 8 * 3
    empty = Codebook.empty(MODULE, (5, 2))
    assert (empty.entries, empty.shape(MODULE), empty.size) == (0, (5, 2), 0)


def test_values_stand_in_the_place_of_the_output() -> None:
    book = made()
    placed = book.place(MODULE, torch.device("cpu"), torch.float16)
    assert (placed.keys.dtype, placed.radii.dtype, placed.values.dtype) == (torch.float32, torch.float32, torch.float16)
    output = torch.randn(2, 4, 2, dtype=torch.float16)
    inputs = torch.randn(2, 4, 5, dtype=torch.float16)
    entry = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 0]])
    assert torch.equal(placed.apply(inputs, output, entry), book.values.half()[entry])
    assert torch.equal(placed.apply(inputs, output, entry[:, :1]), book.values.half()[entry[:, :1]].expand(2, 4, 2))
    assert placed.size == 4 * (15 + 3) + 2 * 6


def test_no_weight_says_it() -> None:
    with pytest.raises(CannotBake, match="no weight"):
        made().delta(MODULE)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_it_is_read_back_from_its_parts(count: int) -> None:
    book = made(count)
    parts = book.parts()
    assert set(parts) == {Codebook.origin, Codebook.main} == {"origin", "codebook"}
    again = Codebook.of((MODULE,), parts)
    for name in NAMES:
        assert torch.equal(getattr(again, name), getattr(book, name))
    assert again.module == MODULE


@pytest.mark.parametrize(
    "change",
    [
        {"keys": None},
        {"more": torch.zeros(3)},
        {"keys": torch.zeros(2, 5)},
        {"keys": torch.zeros(3)},
        {"values": torch.zeros(4, 2)},
        {"values": torch.zeros(3, 2, dtype=torch.bfloat16)},
        {"radii": torch.zeros(3, 1)},
        {"radii": torch.tensor([1.0, -0.5, 1.0])},
        {"radii": torch.tensor([1.0, float("nan"), 1.0])},
        {"values": torch.full((3, 2), float("inf"))},
        {"owners": torch.zeros(2, dtype=torch.int64)},
        {"owners": torch.zeros(3)},
        {"owners": torch.tensor([0, -1, 0])},
    ],
)
def test_damaged_parts_are_refused(change: Mapping[str, torch.Tensor | None]) -> None:
    parts = made().parts()
    tensors = {**parts["codebook"].tensors, **change}
    parts["codebook"] = Part({}, {name: tensor for name, tensor in tensors.items() if tensor is not None})
    with pytest.raises(CorruptObject):
        Codebook.of((MODULE,), parts)


def test_it_has_one_module() -> None:
    for modules in ((), (MODULE, "another")):
        with pytest.raises(CorruptObject):
            Codebook.of(modules, made().parts())
    with pytest.raises(CorruptObject):
        Codebook.of((MODULE,), {})


def test_versions_are_compared_key_by_key() -> None:
    book = made()
    norm = float(book.values.norm())
    assert book.compare(None) == {"norm": norm, "change": norm, "entries": 6.0}
    assert book.compare(made()) == {"norm": norm, "change": 0.0, "entries": 6.0}
    # The order of the keys says nothing.
    turned = replace(book, **{name: getattr(book, name).flip(0) for name in NAMES[:-1]})
    assert book.compare(turned)["change"] == 0.0
    fewer = replace(book, **{name: getattr(book, name)[:2] for name in NAMES})
    for one, two in ((book, fewer), (fewer, book)):
        assert one.compare(two)["change"] == pytest.approx(float(book.values[2].norm()))
    # A key that says something else counts with what it said and what it says now.
    values = book.values.clone()
    values[0] += 1
    changed = float(torch.stack([book.values[0], values[0]]).norm())
    assert replace(book, values=values).compare(book)["change"] == pytest.approx(changed)
