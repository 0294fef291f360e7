"""Dates: as commits and reflogs carry them (ISO 8601 in UTC), and as people say them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final

from wisedb.errors import UsageError

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)")


def is_date(text: str) -> bool:
    """Whether ``text`` is a date as commits carry it."""
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def utc_now() -> str:
    """The present as commits and reflogs carry it, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


_AGO: Final = re.compile(
    r"(?P<count>\d{1,6}|an?|one)[ .]+(?P<unit>second|minute|hour|day|week|month|year)s?(?:[ .]+ago)?"
)
_LONG: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "month": 2629746,
    "year": 31556952,
}
_DAYS: Final = {"today": 0, "yesterday": 1}


def when(text: str, *, now: datetime | None = None, ends: bool = False) -> datetime:
    """A moment as people say it: a date, a date and a time, ``yesterday``, ``2 weeks ago``, ``now``.

    What has no offset from UTC is meant in the local zone.

    Args:
        text: what was said.
        now: the present, with its zone; for tests.
        ends: a day without a time is meant to its end; to its beginning without.

    Raises:
        UsageError: it is none of these.
    """
    present = now or datetime.now(UTC).astimezone()
    said = " ".join(text.lower().split())
    ago = _AGO.fullmatch(said)
    if said == "now":
        return present
    try:
        if ago is not None:
            count = int(ago["count"]) if ago["count"].isdigit() else 1
            return present - timedelta(seconds=count * _LONG[ago["unit"]])
        if said in _DAYS:
            found = datetime.combine((present - timedelta(days=_DAYS[said])).date(), time(), present.tzinfo)
            return found + timedelta(days=1) if ends else found
        found = datetime.fromisoformat(text.strip())
        if found.tzinfo is None:
            found = found.replace(tzinfo=present.tzinfo) if now is not None else found.astimezone()
        whole_day = re.fullmatch(r"\d{4}-?\d\d-?\d\d", text.strip()) is not None
        found = found + timedelta(days=1) if whole_day and ends else found
        # Commits carry UTC: what lies outside of the calendar there can't be compared with them.
        _ = found.astimezone(UTC)
        return found
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"'{text}' is no date", hint="Say it as in 2026-01-31, '2026-01-31 12:00', yesterday or '2 weeks ago'."
        ) from error
