"""What a person reads: aligned tables and lines, coloured on a terminal, plain and unwrapped everywhere else."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from wisedb.shown import shown_messages, shown_prompt

from .lines import Line, Lines, Table, clean, clean_json, clean_lines, line, table

__all__ = [
    "SHORT",
    "Line",
    "Lines",
    "Table",
    "array",
    "as_json",
    "clean",
    "clean_lines",
    "date",
    "dated_listing",
    "edits",
    "figure",
    "ident",
    "line",
    "listing",
    "plural",
    "seconds",
    "show",
    "size",
    "table",
]

_PIECE = 512

SHORT = 12
"""Hexadecimal digits of an id that people are shown; ``--json`` always gives all of them."""


def as_json(document: Any, *, indent: int | None = 2) -> str:
    """One JSON document; what JSON can't say (NaN, dates, bytes of a SQL answer) becomes null or text.

    Args:
        document: the document.
        indent: spaces for each depth; ``None`` for one line.
    """
    return clean_json(
        json.dumps(_finite(document), ensure_ascii=not _unicode(), indent=indent, allow_nan=False, default=_as_text)
    )


def array(records: Sequence[str]) -> Iterator[str]:
    """One JSON array of documents that are JSON text already, one a line; in pieces, since it may be long."""
    if not records:
        yield "[]\n"
        return
    yield "[\n"
    for start in range(0, len(records), _PIECE):
        piece = ",\n".join(records[start : start + _PIECE])
        if not (piece.isascii() or _unicode()):
            piece = ",\n".join(json.dumps(json.loads(record)) for record in records[start : start + _PIECE])
        piece = clean_json(piece)
        yield piece if start + _PIECE >= len(records) else piece + ",\n"
    yield "\n]\n"


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _as_text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)


def show(lines: Lines, stream: TextIO | None = None) -> None:
    """Print to stdout, or to another stream."""
    stream = sys.stdout if stream is None else stream
    if stream.isatty() or "FORCE_COLOR" in os.environ:
        # Rich takes as long to load as a query takes; who reads a pipe sees nothing of it.
        from . import terminal

        terminal.show(lines, stream)
        return
    for each in lines:
        if isinstance(each, Table):
            each.write(stream)
        else:
            stream.write(f"{each.plain if isinstance(each, Line) else clean_lines(each)}\n")
    stream.flush()


def ident(value: str | None) -> tuple[str, str]:
    """An id, shortened, in its colour."""
    return (value[:SHORT] if value else "none", "yellow" if value else "dim")


def edits(records: Sequence[Mapping[str, Any]], none: str) -> Lines:
    """Edits as a table, or the line ``none`` where there are none."""
    rows = [(edit["id"][:SHORT], shown_prompt(edit), edit["target"], edit.get("reason") or "") for edit in records]
    return listing(rows, none)


def answer(edit: Mapping[str, Any]) -> str:
    """An edit's target, and the conversation to which it is the answer where there is one."""
    before = shown_messages(edit)
    return f"{edit['target']} (behind {before})" if before else str(edit["target"])


def listing(rows: Sequence[Sequence[Any]], none: str) -> Lines:
    """Edits as a table of (shortened id, prompt, target, reason, …), or the line ``none`` where there are none."""
    if not rows:
        yield line((none, "dim"))
        return
    titles = ("edit", "prompt", "target", "reason") if any(row[3] for row in rows) else ("edit", "prompt", "target")
    yield table(*titles, rows=rows, styles={"edit": "yellow", "target": "bold"})


def dated_listing(rows: Sequence[Sequence[Any]], none: str) -> Lines:
    """The same for (shortened id, shortened commit, date, author, prompt, target, reason, …)."""
    if not rows:
        yield line((none, "dim"))
        return
    # Column by column: most of a hundred thousand facts share their dates with many others.
    columns = list(zip(*rows, strict=True))
    shown = {when: date(when) for when in set(columns[2])}
    columns[2] = tuple(map(shown.__getitem__, columns[2]))
    titles = ("edit", "commit", "date", "author", "prompt", "target", "reason")
    told = titles if any(columns[6]) else titles[:-1]
    cells = list(zip(*columns[: len(told)], strict=True))
    yield table(*told, rows=cells, styles={"edit": "yellow", "commit": "yellow", "target": "bold"})


def figure(value: float | None) -> str:
    """A share between 0 and 1, or a dash where it was not measured."""
    return "–" if value is None else f"{value:.3f}"


def seconds(value: float | None) -> str:
    """A duration."""
    if value is None:
        return "–"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"


def size(count: int) -> str:
    """A number of bytes, in decimal units."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def plural(count: int, word: str) -> str:
    """``1 edit``, ``2 edits``."""
    ending = "" if count == 1 else "s"
    if count != 1 and word.endswith("y"):
        return f"{count} {word[:-1]}ies"
    return f"{count} {word}{ending}"


def date(value: str | None) -> str:
    """A commit's time to the second in the local zone, with that zone's offset from UTC."""
    return "" if not value else f"{datetime.fromisoformat(value).astimezone():%Y-%m-%d %H:%M:%S %z}"
