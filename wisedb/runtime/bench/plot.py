"""The rows as a picture: each figure against T, one line an editor and mode. Needs the extra ``bench``. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from wisedb.errors import InputError, UsageError
from wisedb.runtime.bench.plan import UNEDITED
from wisedb.runtime.bench.results import Row
from wisedb.store.files import Disk

FORMATS: Final = (".svg", ".png")

_MODULES: Final = ("altair", "vl_convert")
_HINT: Final = "Install it: pip install 'wisedb[bench]'"

_SHARES: Final = (
    ("reliability", "Reliability"),
    ("generalization", "Generalization"),
    ("locality", "Locality"),
    ("exact_match", "Exact match"),
    ("exact_match_rephrase", "Exact match, rephrased"),
)
_COSTS: Final = (
    ("seconds_per_edit", "Seconds per edit", 1.0, ""),
    ("bytes_per_edit", "kB per edit", 1e-3, ""),
    ("peak_rss_bytes", "Peak memory, MB", 1e-6, ""),
    ("prefill_overhead", "Prefill, × unedited", 1.0, ""),
    ("decode_overhead", "Decoding, × unedited", 1.0, ""),
)
# Okabe and Ito's colours, which colour-blind people tell apart; the unedited model is grey.
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8C6BB1", "#A6761D")
_GREY: Final = "#8a8a8a"
_DASHES: Final = {"retrieve": [1, 0], "merge": [5, 3], "oracle": [1.5, 2.5], "base": [1, 0]}
_INK: Final = "#333333"
_SIDE: Final = 168


def require(file: Path) -> None:
    """See that a picture can be drawn before anything is measured for it.

    Raises:
        UsageError: the file's ending is none of :data:`FORMATS`.
        InputError: the extra is not installed.
    """
    if file.suffix.lower() not in FORMATS:
        raise UsageError(f"{file} is neither .svg nor .png", hint="Give a file such as bench.svg.")
    if not available():
        raise InputError("plots need Altair and vl-convert, which are not installed", hint=_HINT)


def available() -> bool:
    """Whether the extra is installed."""
    return all(find_spec(name) is not None for name in _MODULES)


def draw(rows: Sequence[Row], file: Path) -> None:
    """Draw the rows into an SVG or PNG file.

    Raises:
        UsageError, InputError: as :func:`require`.
        NoSpace, StoreNotWritable: the file was not written.
    """
    require(file)
    converter: Any = import_module("vl_convert")
    specification = chart(rows).to_dict()
    if file.suffix.lower() == ".svg":
        data = converter.vegalite_to_svg(specification).encode()
    else:
        data = converter.vegalite_to_png(specification, scale=2)
    Disk().write(file, data)


def chart(rows: Sequence[Row]) -> Any:
    """The picture as an Altair chart: the shares in the upper row, what they cost in the lower one."""
    alt: Any = import_module("altair")
    editors = list(dict.fromkeys(row.editor for row in rows if row.editor != UNEDITED))
    names = list(dict.fromkeys(_name(row) for row in rows))
    by_name = {_name(row): row for row in rows}
    colours = {UNEDITED: _GREY, **{name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(editors)}}
    shared = {
        "color": alt.Color(
            "line:N",
            scale=alt.Scale(domain=names, range=[colours[by_name[name].editor] for name in names]),
            legend=alt.Legend(title=None, orient="bottom", columns=min(len(names), 4), symbolStrokeWidth=2.5),
        ),
        "strokeDash": alt.StrokeDash(
            "line:N",
            scale=alt.Scale(domain=names, range=[_DASHES.get(by_name[name].mode, [1, 0]) for name in names]),
        ),
    }
    upper = [_panel(alt, _points(rows, field), title, shared, share=True) for field, title in _SHARES]
    lower = [
        _panel(alt, points, title, shared, share=False)
        for field, title, factor, _ in _COSTS
        if (points := _points(rows, field, factor))
    ]
    first = rows[0]
    title = alt.TitleParams(
        f"{first.data} on {first.model}",
        subtitle=f"{first.protocol.replace('-', ' ')}, seed {first.seed}; everything measured after all T edits",
        anchor="start",
        fontSize=15,
        color=_INK,
        subtitleColor="#666666",
        subtitleFontSize=11.5,
        subtitlePadding=4,
        offset=14,
    )
    whole = alt.vconcat(alt.hconcat(*upper, spacing=26), alt.hconcat(*lower, spacing=26), spacing=26, title=title)
    return (
        whole.configure(font="Helvetica, Arial, sans-serif", background="white", padding=14)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor="#e8e8e8",
            domainColor="#bbbbbb",
            tickColor="#bbbbbb",
            labelColor="#555555",
            titleColor="#555555",
            titleFontWeight="normal",
            labelFontSize=10.5,
            titleFontSize=11,
            tickSize=4,
        )
        .configure_legend(labelFontSize=12, labelColor=_INK, symbolSize=320, columnPadding=22, offset=18)
    )


def _panel(alt: Any, points: list[dict[str, Any]], title: str, shared: dict[str, Any], *, share: bool) -> Any:
    lengths = sorted({point["T"] for point in points})
    ends = [lengths[0], lengths[-1]] if lengths else [1, 10]
    scale = alt.Scale(type="log", domain=ends, nice=False) if ends[0] < ends[1] else alt.Scale(type="log")
    x = alt.X("T:Q", scale=scale, axis=alt.Axis(values=lengths, title="T, edits", grid=False, format="~s"))
    if share:
        ticks = [0, 0.25, 0.5, 0.75, 1]
        y = alt.Y("value:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(values=ticks, title=None, format=".2~f"))
    else:
        y = alt.Y("value:Q", scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(tickCount=5, title=None, format="~s"))
    base = alt.Chart(alt.Data(values=points)).encode(x=x, y=y, **shared)
    lines = base.mark_line(strokeWidth=2.2, strokeCap="butt", clip=False)
    dots = base.mark_point(filled=True, size=34, opacity=1)
    heading = alt.TitleParams(title, fontSize=12, fontWeight=600, color=_INK, anchor="start", offset=8)
    return (lines + dots).properties(width=_SIDE, height=_SIDE * 0.85, title=heading)


def _points(rows: Sequence[Row], field: str, factor: float = 1.0) -> list[dict[str, Any]]:
    return [
        {"T": row.T, "line": _name(row), "value": value * factor}
        for row in rows
        if (value := getattr(row, field)) is not None
    ]


def _name(row: Row) -> str:
    return row.editor if row.editor == UNEDITED else f"{row.editor}, {row.mode}"
