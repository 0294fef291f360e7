"""Dates as commits carry them, and as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from wisedb.errors import UsageError
from wisedb.store.dates import is_date, utc_now, when


def test_dates() -> None:
    assert is_date(utc_now())
    assert is_date("2024-02-29T23:59:59.5+00:00")
    assert not is_date("2023-02-29T00:00:00Z")


NOW = datetime(2026, 3, 10, 15, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("now", "2026-03-10T15:30:00+02:00"),
        ("2 hours ago", "2026-03-10T13:30:00+02:00"),
        ("an hour ago", "2026-03-10T14:30:00+02:00"),
        ("3.days.ago", "2026-03-07T15:30:00+02:00"),
        ("2 weeks ago", "2026-02-24T15:30:00+02:00"),
        ("yesterday", "2026-03-09T00:00:00+02:00"),
        ("today", "2026-03-10T00:00:00+02:00"),
        ("2026-01-31", "2026-01-31T00:00:00+02:00"),
        ("2026-01-31 12:00", "2026-01-31T12:00:00+02:00"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
    ],
)
def test_moments_are_read_as_people_say_them(said: str, meant: str) -> None:
    assert when(said, now=NOW) == datetime.fromisoformat(meant)


def test_a_day_may_be_meant_to_its_end() -> None:
    assert when("2026-01-31", now=NOW, ends=True) == datetime.fromisoformat("2026-02-01T00:00:00+02:00")
    assert when("yesterday", now=NOW, ends=True) == when("today", now=NOW)
    assert when("2026-01-31 12:00", now=NOW, ends=True) == when("2026-01-31 12:00", now=NOW)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "someday",
        "2026-13-01",
        "99999999 years ago",
        "2 moons ago",
        "999999 years ago",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:00:00-14:00",
    ],
)
def test_what_is_no_date_is_refused(said: str) -> None:
    with pytest.raises(UsageError, match="no date"):
        when(said, now=NOW)
