"""A report's figures as inline SVG, drawn by Altair. It needs the extra ``report``; without it there are tables alone.

Nothing that anybody wrote gets into a plot: its texts are numbers and names of measurements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from wisedb.report.contents import Report
from wisedb.report.series import Point, seconds, shares, sizes

HINT: Final = "pip install 'wisedb[report]'"
"""How the plots' libraries come here."""

_MODULES: Final = ("altair", "vl_convert")
# Okabe and Ito's colours, those that stand out on white and on near-black; dashes tell the series apart too.
_COLOURS: Final = ("#0a84c6", "#d55e00", "#009e73", "#cc79a7", "#b58900")
_DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [3, 6])
# Vega has no word for the page's own ink, so it draws in a colour of no series, which is then put in its place.
_INK: Final = "#010203"
_GRID: Final = "#888888"
# A file of scores can be called anything by whoever hands a store on; wisedb's own names are of these letters.
_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture.

    Attributes:
        title: what it shows.
        svg: an ``<svg>`` element, in the page's own ink.
    """

    title: str
    svg: str


def available() -> bool:
    """Whether the extra is installed."""
    return all(find_spec(name) is not None for name in _MODULES)


def plots(report: Report) -> list[Plot]:
    """The pictures of a report; none of what nothing was measured of, none at all without the extra."""
    if not available():
        return []
    last = len(report.commits)
    found = [
        _drawn("Shares over commits", "share", _named(shares(report)), last, top=1.0),
        _drawn("Bytes that each commit added", "bytes", sizes(report), last, form="~s"),
        _drawn("Seconds that each measurement took", "seconds", _named(seconds(report)), last),
    ]
    return [plot for plot in found if plot is not None]


def _named(points: Sequence[Point]) -> list[Point]:
    """The same under names that tell the measurements apart, where there are several."""
    if len({point.measured for point in points}) < 2:
        return list(points)
    return [
        Point(point.number, point.commit, f"{point.series} ({_NOT_A_NAME.sub('?', point.measured)})", "", point.value)
        for point in points
    ]


def _drawn(
    title: str, unit: str, points: Sequence[Point], last: int, *, top: float | None = None, form: str = ""
) -> Plot | None:
    if not points:
        return None
    alt: Any = import_module("altair")
    converter: Any = import_module("vl_convert")
    names = list(dict.fromkeys(point.series for point in points))
    values = [{"number": point.number, "value": point.value, "series": point.series} for point in points]
    scale = alt.Scale(domain=[0, top]) if top is not None else alt.Scale(zero=True)
    colours = [_COLOURS[place % len(_COLOURS)] for place in range(len(names))]
    dashes = [_DASHES[place // len(_COLOURS) % len(_DASHES)] for place in range(len(names))]
    legend = alt.Legend(orient="bottom", title=None, columns=4, symbolType="stroke") if len(names) > 1 else None
    encoded = {
        "x": alt.X(
            "number:Q",
            scale=alt.Scale(domain=[1, max(last, 2)], nice=False),
            axis=alt.Axis(title="commit, by number", format="d", tickMinStep=1, grid=False),
        ),
        "y": alt.Y("value:Q", scale=scale, axis=alt.Axis(title=unit, format=form)),
        "color": alt.Color("series:N", scale=alt.Scale(domain=names, range=colours), legend=legend),
        "strokeDash": alt.StrokeDash("series:N", scale=alt.Scale(domain=names, range=dashes), legend=legend),
    }
    data = alt.Data(values=values)
    chart = alt.Chart(data).mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=28, filled=True)).encode(**encoded)
    chart = (
        chart.properties(width=620, height=220)
        .configure(font="sans-serif", background="transparent", padding=6)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor=_GRID, gridOpacity=0.35, domainColor=_GRID, tickColor=_GRID, labelColor=_INK, titleColor=_INK
        )
        .configure_legend(labelColor=_INK, titleColor=_INK, labelLimit=400)
    )
    return Plot(title, _inline(converter.vegalite_to_svg(chart.to_dict())))


def _inline(svg: str) -> str:
    """Fit for a page: in its ink, of its width, and silent for screen readers, which get the table beside it."""
    svg = svg.replace(f'"{_INK}"', '"currentColor"')
    svg = re.sub(
        r'(<svg[^>]*?) width="(\d+)" height="(\d+)"', r'\1 width="\2" height="\3" focusable="false"', svg, count=1
    )
    return svg.replace("<svg ", '<svg aria-hidden="true" ', 1)
