"""Dates as commits carry them."""

from __future__ import annotations

from wisedb.store.dates import is_date, utc_now


def test_dates() -> None:
    assert is_date(utc_now())
    assert is_date("2024-02-29T23:59:59.5+00:00")
    assert not is_date("2023-02-29T00:00:00Z")
