"""The rows as a picture: each figure against T, one line an editor and mode, the mean of all seeds. No torch.

It needs the extra ``bench``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from math import ceil, floor, log10
from statistics import mean
from typing import Any, Final

from wisedb.bench.drawing import colour_of, heading, styled, title_of
from wisedb.bench.plan import MEASURED_MODES
from wisedb.bench.results import Row
from wisedb.bench.table import by_seed, values_of

_SHARES: Final = (
    ("reliability", "Reliability"),
    ("generalization", "Generalization"),
    ("locality", "Locality"),
)
_SAID: Final = {
    "raw": (("exact_match", "Exact match"), ("exact_match_rephrase", "Exact match, rephrased")),
    "chat": (("says_it", "Says it"), ("says_it_rephrase", "Says it, rephrased")),
}
# Title, factor, and whether it is the same in every mode.
_COSTS: Final = (
    ("seconds_per_edit", "Seconds per edit", 1.0, True),
    ("bytes_per_edit", "kB per edit", 1e-3, True),
    ("peak_rss_bytes", "Peak memory, MB", 1e-6, True),
    ("prefill_overhead", "Prefill, × unedited", 1.0, False),
    ("decode_overhead", "Decoding, × unedited", 1.0, False),
)
# An editor has a colour, a mode a dash and a mark; the marks differ in size, so that none hides another.
_DASHES: Final = {
    **{"retrieve": [1, 0], "merge": [6, 3], "context": [9, 3, 2, 3], "hybrid": [9, 3], "oracle": [1.5, 3]},
    "base": [1, 0],
}
_MARKS: Final = {
    **{"retrieve": "circle", "merge": "square", "context": "diamond", "hybrid": "cross", "oracle": "triangle-up"},
    "base": "circle",
}
_SIZES: Final = {"retrieve": 24, "merge": 48, "context": 48, "hybrid": 48, "oracle": 56, "base": 14}
_INK: Final = "#333333"
_SIDE: Final = 170
_GAP: Final = 52


def chart(rows: Sequence[Row]) -> Any:
    """The picture as an Altair chart: the shares in the upper row, what they cost in the lower one."""
    alt: Any = import_module("altair")
    modes = list(dict.fromkeys(row.mode for row in rows))
    style = {
        "orient": "bottom",
        "direction": "horizontal",
        "symbolType": "stroke",
        "titleOrient": "left",
    }

    def by_mode(of: Mapping[str, Any]) -> Any:
        return alt.Scale(domain=modes, range=[of[mode] for mode in modes])

    colour = colour_of(alt, rows, alt.Legend(**style, title="Editor"))
    named = [mode for mode in modes if mode in MEASURED_MODES]
    dash = alt.StrokeDash("mode:N", scale=by_mode(_DASHES), legend=alt.Legend(**style, title="Mode", values=named))
    encoded = {"color": colour, "strokeDash": dash}
    shares = (*_SHARES, *_SAID[rows[0].format])
    upper = [_panel(alt, _points(rows, field), title, encoded, share=True) for field, title in shares]
    lower = [
        _panel(alt, points, title, encoded, share=False)
        for field, title, factor, once in _COSTS
        if (points := _points(_first_modes(rows) if once else rows, field, factor))
    ]
    title = title_of(alt, rows, "everything measured after all T edits")
    spacing = {"column": _GAP, "row": 84}
    whole = alt.concat(*upper, *lower, columns=len(upper), spacing=spacing, bounds="flush", title=title)
    return styled(whole)


def _panel(alt: Any, points: list[dict[str, Any]], title: str, encoded: Mapping[str, Any], *, share: bool) -> Any:
    lengths = sorted({point["T"] for point in points})
    ends = [lengths[0], lengths[-1]] if lengths else [1, 10]
    scale = alt.Scale(type="log", domain=ends, nice=False) if ends[0] < ends[1] else alt.Scale(type="log")
    x = alt.X("T:Q", scale=scale, axis=alt.Axis(values=lengths, title="T, edits", grid=False, format="~s"))
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1] if share else _ticks(max(point["value"] for point in points))
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[ticks[0], ticks[-1]]),
        axis=alt.Axis(values=ticks, title=None, format=".1f" if share else ",.4~g"),
    )
    lines = alt.Chart(alt.Data(values=points)).mark_line(strokeWidth=2).encode(x=x, y=y, **encoded)
    # A layer a mode: with an encoding of their own the marks would get into the legend.
    dots = [
        alt.Chart(alt.Data(values=[point for point in points if point["mode"] == mode]))
        .mark_point(shape=_MARKS[mode], size=_SIZES[mode], filled=False, strokeWidth=1.6, opacity=1)
        .encode(x=x, y=y, color=encoded["color"])
        for mode in dict.fromkeys(point["mode"] for point in points)
    ]
    return alt.layer(lines, *dots).properties(width=_SIDE, height=_SIDE * 0.85, title=heading(alt, title))


def _points(rows: Sequence[Row], field: str, factor: float = 1.0) -> list[dict[str, Any]]:
    return [
        {"T": group[0].T, "editor": group[0].editor, "mode": group[0].mode, "value": mean(values) * factor}
        for group in by_seed(rows)
        if (values := values_of(group, field))
    ]


def _first_modes(rows: Sequence[Row]) -> list[Row]:
    """Of each editor, the rows of the first mode alone: what it cost to write is the same in all of them."""
    first = {row.editor: row.mode for row in reversed(rows)}
    return [row for row in rows if row.mode == first[row.editor]]


def _ticks(largest: float) -> list[float]:
    """Four to six round numbers from 0 to the first that is not below ``largest``."""
    if largest <= 0:
        return [0.0, 1.0]
    power = 10.0 ** floor(log10(largest / 5))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if largest <= 5 * power * factor)
    return [place * step for place in range(ceil(largest / step - 1e-9) + 1)]
