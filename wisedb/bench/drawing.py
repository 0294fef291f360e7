"""How pictures of rows are drawn and written: colours, type, files. No torch.

It needs the extra ``bench``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from wisedb.bench.plan import UNEDITED
from wisedb.bench.results import Row
from wisedb.bench.table import seeds_of
from wisedb.errors import InputError, UsageError
from wisedb.store.files import Disk

FORMATS: Final = (".svg", ".png")
INK: Final = "#333333"

_MODULES: Final = ("altair", "vl_convert")
_HINT: Final = "Install it: pip install 'wisedb[bench]'"
# Grey for the unedited model, Okabe and Ito's colours, which colour-blind people tell apart, then Tol's muted ones.
_COLOURS: Final = (
    *("#8a8a8a", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8C6BB1", "#A6761D"),
    *("#332288", "#117733", "#882255", "#999933", "#44AA99", "#AA4499", "#DDCC77", "#CC6677", "#000000"),
)


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


def draw(chart: Callable[[Sequence[Row]], Any], rows: Sequence[Row], file: Path) -> None:
    """Draw rows into an SVG or PNG file.

    Args:
        chart: makes the Altair chart of them.
        rows: the rows.
        file: where to.

    Raises:
        UsageError, InputError: as :func:`require`.
        NoSpace, StoreNotWritable: the file was not written.
    """
    require(file)
    converter: Any = import_module("vl_convert")
    specification = chart(rows).to_dict()
    # Vega-Lite hands this down to Vega; Altair's schema doesn't know it.
    specification["config"]["legend"]["layout"] = {"bottom": {"anchor": "start", "center": True, "margin": 44}}
    if file.suffix.lower() == ".svg":
        data = converter.vegalite_to_svg(specification).encode()
    else:
        data = converter.vegalite_to_png(specification, scale=2)
    Disk().write(file, data)


def colour_of(alt: Any, rows: Sequence[Row], legend: Any) -> Any:
    """A colour for each editor of the rows, grey for the unedited model."""
    editors = [UNEDITED, *dict.fromkeys(row.editor for row in rows if row.editor != UNEDITED)]
    colours = [_COLOURS[place % len(_COLOURS)] for place in range(len(editors))]
    return alt.Color("editor:N", scale=alt.Scale(domain=editors, range=colours), legend=legend)


def title_of(alt: Any, rows: Sequence[Row], told: str) -> Any:
    """Data and model of the rows, and below them how they were got."""
    first = rows[0]
    return alt.TitleParams(
        f"{first.data} on {first.model}",
        subtitle=f"{first.protocol.replace('-', ' ')}, {seeds_of(rows)}; {told}",
        anchor="start",
        fontSize=15,
        color=INK,
        subtitleColor="#666666",
        subtitleFontSize=11.5,
        subtitlePadding=4,
        offset=14,
    )


def heading(alt: Any, text: str) -> Any:
    """The title of one panel."""
    return alt.TitleParams(text, fontSize=12, fontWeight=600, color=INK, anchor="start", frame="group", offset=10)


def styled(whole: Any) -> Any:
    """A chart with type, axes and legend as all pictures have them."""
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
        .configure_legend(
            labelFontSize=12,
            labelColor=INK,
            symbolSize=500,
            symbolStrokeWidth=2.2,
            columnPadding=24,
            offset=22,
            titleFontSize=12,
            titleColor=INK,
            titleFontWeight=600,
            titlePadding=14,
            titleAnchor="middle",
        )
    )
