"""The running mean and variance are those of all rows at once."""

from __future__ import annotations

import torch

from wisedb.editors.ultraedit.moments import Moments


def _rows(count: int) -> torch.Tensor:
    return 3 + 2 * torch.randn(count, 4, generator=torch.Generator().manual_seed(count), dtype=torch.float64)


def test_batch_after_batch_they_are_those_of_all_rows() -> None:
    rows = _rows(24)
    moments = Moments.none(4)
    for part in rows.split([1, 2, 20, 1]):
        moments = moments.with_rows(part)
    assert moments.count == 24
    assert torch.allclose(moments.mean, rows.mean(dim=0))
    assert torch.allclose(moments.spread / 23, rows.var(dim=0))
    assert torch.allclose(moments.square(), rows.square().mean(dim=0))
    assert torch.allclose(moments.normalised(rows), (rows - rows.mean(dim=0)) / rows.std(dim=0))


def test_one_row_is_a_number_and_no_rows_change_nothing() -> None:
    moments = Moments.none(4).with_rows(_rows(1))
    assert not moments.normalised(_rows(1)).any() and bool(torch.isfinite(moments.normalised(_rows(3))).all())
    assert moments.with_rows(_rows(3)[:0]) is moments
