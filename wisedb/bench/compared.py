"""Editors beside each other at one T: what they reach of three aims, and what they take for it. No torch.

The left picture is the triangle that papers draw: Rel. to the top, Gen. to the right, Loc. to the left, each from 0 in
the middle to 1 at its corner; an editor that has all three is the whole triangle. The right one has the seconds an edit
takes against the mean of the three. It needs the extra ``bench``.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from math import cos, radians, sin
from statistics import mean
from typing import Any, Final

from wisedb.bench.drawing import INK, colour_of, heading, styled, title_of
from wisedb.bench.plan import UNEDITED
from wisedb.bench.results import Row
from wisedb.bench.table import by_seed, values_of

_CORNERS: Final = (("reliability", "Rel.", 90), ("generalization", "Gen.", -30), ("locality", "Loc.", 210))
"""Figure, name, and the direction of its corner in degrees."""
_RINGS: Final = (0.25, 0.5, 0.75, 1.0)
_SIDE: Final = 300


def chart(rows: Sequence[Row]) -> Any:
    """Both pictures as an Altair chart; of each editor the first mode that is measured in full."""
    alt: Any = import_module("altair")
    most = max(row.T for row in rows)
    editors = _whole([row for row in rows if most <= row.T and row.editor != UNEDITED])
    colour = colour_of(alt, rows, alt.Legend(orient="bottom", symbolType="stroke", columns=6, title="Editor"))
    whole = alt.hconcat(
        _triangle(alt, editors, colour),
        _cost(alt, editors, colour),
        spacing=70,
        title=title_of(alt, rows, f"everything measured after all {most:,} edits"),
    )
    return styled(whole)


def _whole(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each editor's three figures and seconds, means over the seeds."""
    found: dict[str, dict[str, Any]] = {}
    for group in by_seed(rows):
        figures = {name: values_of(group, name) for name, _, _ in _CORNERS}
        if group[0].editor in found or not all(figures.values()):
            continue
        means = {name: mean(values) for name, values in figures.items()}
        seconds = values_of(group, "seconds_per_edit")
        found[group[0].editor] = {
            "editor": group[0].editor,
            **means,
            "mean": mean(means.values()),
            "seconds": mean(seconds) if seconds else None,
        }
    return list(found.values())


def _triangle(alt: Any, editors: Sequence[dict[str, Any]], colour: Any) -> Any:
    wide, high = (-1.15, 1.15), (-0.65, 1.2)
    x = alt.X("x:Q", scale=alt.Scale(domain=wide), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=high), axis=None)
    height = _SIDE * (high[1] - high[0]) / (wide[1] - wide[0])
    rings = [
        {**_corner(direction, size), "ring": size, "order": order}
        for size in _RINGS
        for order, (_, _, direction) in enumerate((*_CORNERS, _CORNERS[0]))
    ]
    outlines = [
        {**_corner(direction, each[name]), "editor": each["editor"], "order": order}
        for each in editors
        for order, (name, _, direction) in enumerate((*_CORNERS, _CORNERS[0]))
    ]
    names = [{**_corner(direction, 1.1), "name": name} for _, name, direction in _CORNERS]
    order = alt.Order("order:Q")
    return alt.layer(
        alt.Chart(alt.Data(values=rings))
        .mark_line(color="#e0e0e0", strokeWidth=1)
        .encode(x=x, y=y, detail="ring:N", order=order),
        alt.Chart(alt.Data(values=outlines)).mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, order=order),
        alt.Chart(alt.Data(values=names)).mark_text(color=INK, fontSize=12).encode(x=x, y=y, text="name:N"),
    ).properties(width=_SIDE, height=height, title=heading(alt, "Reliability, generalization, locality"))


def _corner(direction: float, length: float) -> dict[str, float]:
    return {"x": length * cos(radians(direction)), "y": length * sin(radians(direction))}


def _cost(alt: Any, editors: Sequence[dict[str, Any]], colour: Any) -> Any:
    # A logarithm has no place for what took no time.
    timed = [each for each in editors if each["seconds"]]
    x = alt.X(
        "seconds:Q", scale=alt.Scale(type="log"), axis=alt.Axis(title="seconds an edit", format="~g", tickCount=5)
    )
    y = alt.Y("mean:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title=None, format=".1f"))
    points = alt.Chart(alt.Data(values=timed))
    return alt.layer(
        points.mark_point(size=60, filled=True, opacity=1).encode(x=x, y=y, color=colour),
        points.mark_text(dx=8, align="left", fontSize=11, color=INK).encode(x=x, y=y, text="editor:N"),
    ).properties(width=_SIDE, height=_SIDE, title=heading(alt, "Mean of the three against seconds an edit"))
