"""Low-rank rows are a ΔW an edit, of which one answers; no row depends on another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

from wisedb.errors import CannotBake, CorruptObject
from wisedb.memory.kinds import low_rank_rows
from wisedb.memory.kinds.base import Part
from wisedb.memory.kinds.low_rank_rows import LowRankRows

MODULE = "blocks.1.down"
SHAPE = (5, 3)


def row(rank: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rank, SHAPE[0], generator=generator), torch.randn(rank, SHAPE[1], generator=generator)


def made(*ranks: int) -> LowRankRows:
    return LowRankRows.empty(MODULE, SHAPE).plus([row(rank, seed) for seed, rank in enumerate(ranks)])


def test_what_it_is() -> None:
    rows = made(2, 1, 4)
    assert (rows.modules, rows.entries, rows.shape(MODULE)) == ((MODULE,), 3, SHAPE)
    assert rows.size == 4 * 7 * 8 + 8 * 3
    empty = made()
    assert (empty.entries, empty.shape(MODULE), empty.size) == (0, SHAPE, 0)
    assert empty.place(MODULE, torch.device("cpu"), torch.float32).size == 0


@pytest.mark.parametrize("together", [2, 256])
def test_the_row_that_answers_is_added(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_rank_rows, "_TOGETHER", together)
    ranks = (2, 1, 4)
    rows = made(*ranks)
    placed = rows.place(MODULE, torch.device("cpu"), torch.float64)
    deltas = torch.stack([left.T.double() @ right.double() for left, right in map(row, ranks, range(3))])
    inputs = torch.randn(2, 5, SHAPE[0], dtype=torch.float64)
    output = torch.randn(2, 5, SHAPE[1], dtype=torch.float64)
    entry = torch.tensor([[0, 1, 2, 0, 1], [2, 2, 1, 0, 2]])
    expected = output + torch.einsum("bti,btio->bto", inputs, deltas[entry])
    assert torch.allclose(placed.apply(inputs, output, entry), expected)
    whole = output + inputs @ deltas[entry[:, 0]]
    assert torch.allclose(placed.apply(inputs, output, entry[:, :1]), whole)
    assert placed.size == 8 * 3 * 4 * 8


def test_a_row_is_the_same_wherever_it_stands() -> None:
    rows = made(2, 1, 4)
    kept = rows.only([0, 2])
    assert torch.equal(kept.left, torch.cat([row(2, 0)[0], row(4, 2)[0]])) and kept.ranks.tolist() == [2, 4]
    assert torch.equal(kept.right, LowRankRows.empty(MODULE, SHAPE).plus([row(2, 0), row(4, 2)]).right)
    assert rows.only([]).entries == 0 and rows.only([1]).plus([]).ranks.tolist() == [1]


@pytest.mark.parametrize("ranks", [(), (1,), (2, 1, 3)])
def test_it_is_read_back_from_its_parts(ranks: tuple[int, ...]) -> None:
    rows = made(*ranks)
    parts = rows.parts()
    assert set(parts) == {LowRankRows.origin, LowRankRows.main} == {"origin", "rows"}
    again = LowRankRows.of((MODULE,), parts)
    for name in ("left", "right", "ranks"):
        assert torch.equal(getattr(again, name), getattr(rows, name))
    assert again.begun(parts["origin"]) is again


def test_no_weight_says_it() -> None:
    with pytest.raises(CannotBake, match="no weight"):
        made(1).delta(MODULE)


def test_versions_are_compared_row_by_row() -> None:
    rows = made(2, 1, 4)
    norms = [float((left.T @ right).norm()) for left, right in (row(2, 0), row(1, 1), row(4, 2))]
    assert rows.compare(rows)["change"] == 0
    assert rows.compare(rows.only([0, 2]))["change"] == pytest.approx(norms[1], rel=1e-5)
    alone = rows.compare(None)
    assert alone["norm"] == alone["change"] == pytest.approx(sum(n**2 for n in norms) ** 0.5, rel=1e-5)
    assert alone["entries"] == 7 * 8


@pytest.mark.parametrize(
    "wrong",
    [
        {"ranks": torch.tensor([2, 1, 3])},
        {"ranks": torch.tensor([2, 0, 5])},
        {"ranks": torch.tensor([2, 1, 4], dtype=torch.int32)},
        {"left": torch.zeros(6, 5)},
        {"left": torch.zeros(7, 5, dtype=torch.float16)},
        {"left": torch.full((7, 5), torch.nan)},
        {"right": torch.zeros(7)},
    ],
)
def test_arrays_that_don_t_belong_together_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(CorruptObject):
        replace(made(2, 1, 4), **wrong)


def test_parts_that_are_none_are_refused() -> None:
    parts = made(1).parts()
    for modules, some in (((MODULE, "other"), parts), ((MODULE,), {"origin": Part()})):
        with pytest.raises(CorruptObject, match="one module"):
            LowRankRows.of(modules, some)
