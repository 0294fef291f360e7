"""The figures of a report as series over commits: what plots draw, and what tables show without them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wisedb.report.contents import Report

SHARES: Final = (
    ("reliability", "Rel."),
    ("generalization", "Gen."),
    ("locality", "Loc."),
    ("exact_match", "exact match"),
    ("says_it", "says it"),
)
"""Key of an evaluation, and what the field calls it; shares from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Point:
    """One figure of one commit.

    Attributes:
        number: the commit's place in the timeline.
        commit: its id.
        series: what is measured, such as ``Rel.``.
        measured: the measurement's name: ``commit`` for what was measured right after it was written.
        value: the figure.
    """

    number: int
    commit: str
    series: str
    measured: str
    value: float


def shares(report: Report) -> list[Point]:
    """Rel., Gen., Loc. and how often it is said, of every commit that was measured, oldest first."""
    return [
        Point(row.number, row.commit, title, name, value)
        for row in report.commits
        for name, record in row.scores.items()
        if isinstance(record, Mapping)
        for key, title in SHARES
        if (value := number(record.get(key))) is not None
    ]


def sizes(report: Report) -> list[Point]:
    """Bytes that each commit added to the store, oldest first."""
    return [Point(row.number, row.commit, "bytes added", "store", float(row.bytes)) for row in report.commits]


def seconds(report: Report) -> list[Point]:
    """Seconds that each measurement of each commit took, oldest first. Commits don't keep how long training took."""
    return [
        Point(row.number, row.commit, "seconds of eval", name, value)
        for row in report.commits
        for name, record in row.scores.items()
        if isinstance(record, Mapping) and (value := number(record.get("seconds"))) is not None
    ]


@dataclass(frozen=True, slots=True)
class FormRow:
    """One line of the tables "how it is asked" and "what must not fire".

    Attributes:
        number, commit, measured: of which commit and measurement.
        table: ``how it is asked`` or ``what must not fire``.
        kind: the form.
        n: how many edits can be asked in it.
        share: of these, answered rightly, or changed although they must not be.
    """

    number: int
    commit: str
    measured: str
    table: str
    kind: str
    n: int
    share: float


def form_rows(report: Report) -> list[FormRow]:
    """What ``wisedb eval --forms`` measured, oldest commit first."""
    return list(_form_rows(report))


def _form_rows(report: Report) -> Iterator[FormRow]:
    tables = (("how_asked", "right", "how it is asked"), ("must_not_fire", "changed", "what must not fire"))
    for row in report.commits:
        for name, record in row.scores.items():
            if not isinstance(record, Mapping):
                continue
            for key, counted, title in tables:
                kinds = record.get(key)
                for kind, figures in kinds.items() if isinstance(kinds, Mapping) else ():
                    if not isinstance(figures, Mapping):
                        continue
                    n, share = number(figures.get("n")), number(figures.get(counted))
                    if n and share is not None:
                        yield FormRow(row.number, row.commit, name, title, str(kind), int(n), share)


def number(value: Any) -> float | None:
    """A finite number as a float, ``None`` for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None
