"""What a person reads: aligned tables and lines, coloured on a terminal, plain and unwrapped everywhere else."""

from __future__ import annotations

import json
import math
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from operator import add
from typing import Any, TextIO

_PRINTABLE = bytes(range(ord(" "), ord("~") + 1))

_PIECE = 512

SHORT = 12
"""Hexadecimal digits of an id that people are shown; ``--json`` always gives all of them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        parts: (text, style) in order. The texts steer no terminal; the styles are Rich's.
    """

    parts: tuple[tuple[str, str], ...]

    @property
    def plain(self) -> str:
        """The text alone."""
        return "".join(text for text, _ in self.parts)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under titles; see :func:`table`."""

    titles: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    numbers: frozenset[str] = frozenset()
    styles: Mapping[str, str] = field(default_factory=dict)

    def write(self, stream: TextIO) -> None:
        """Print its lines, however wide, without spaces at their ends."""
        cells = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.titles)
        columns = [_texts([title.upper(), *column]) for title, column in zip(self.titles, cells, strict=False)]
        last = columns[-1]
        padded = [
            column if column is last and title not in self.numbers else _padded(column, right=title in self.numbers)
            for title, column in zip(self.titles, columns, strict=True)
        ]
        lines = map("  ".join, zip(*padded, strict=True))
        if not all(last):
            lines = map(str.rstrip, lines)
        while piece := list(islice(lines, _PIECE)):
            stream.write("\n".join([*piece, ""]))


Lines = Iterable[Line | Table | str]
"""What :func:`show` prints, one after the other."""


def as_json(document: Any) -> str:
    """One JSON document; what JSON can't say (NaN, dates, bytes of a SQL answer) becomes null or text."""
    return json.dumps(_finite(document), ensure_ascii=not _unicode(), indent=2, allow_nan=False, default=_as_text)


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
    for line in lines:
        if isinstance(line, Table):
            line.write(stream)
        else:
            stream.write(f"{line.plain if isinstance(line, Line) else line}\n")
    stream.flush()


def clean(text: str) -> str:
    """The text without control characters: an edit from elsewhere must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if unicodedata.category(character) not in {"Cc", "Cf"} else _escape(character) for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def line(*parts: str | tuple[str, str] | None) -> Line:
    """One line of plain and ``(text, style)`` parts; ``None`` is left out."""
    pairs = (part if isinstance(part, tuple) else (part, "") for part in parts if part is not None)
    return Line(tuple((clean(text), style) for text, style in pairs))


def ident(value: str | None) -> tuple[str, str]:
    """An id, shortened, in its colour."""
    return (value[:SHORT] if value else "none", "yellow" if value else "dim")


def table(
    *columns: str,
    rows: Iterable[Sequence[Any]],
    numbers: Iterable[str] = (),
    styles: Mapping[str, str] | None = None,
) -> Table:
    """A plain table. Columns with ids, dates or numbers are never wrapped or cut.

    Args:
        columns: the titles.
        rows: the cells: values, ``(text, style)`` pairs or lines; those behind the last column aren't shown.
        numbers: titles of the columns that are aligned to the right.
        styles: the style of a whole column by its title.
    """
    kept = rows if isinstance(rows, Sequence) else list(rows)
    return Table(columns, kept, frozenset(numbers), styles or {})


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, tuple):
        return str(cell[0])
    return cell.plain if isinstance(cell, Line) else "" if cell is None else str(cell)


# A listing of a hundred thousand edits shall take a tenth of a second: nothing here looks at each cell in Python.


def _texts(cells: list[Any]) -> list[str]:
    texts = cells if set(map(type, cells)) == {str} else [_text(cell) for cell in cells]
    whole = "".join(texts)
    # For ASCII much quicker than `isprintable`.
    steers = whole.encode().translate(None, _PRINTABLE) if whole.isascii() else not whole.isprintable()
    return [clean(text) for text in texts] if steers else texts


def _padded(texts: list[str], *, right: bool) -> Iterable[str]:
    if "".join(texts).isascii():
        return map(str.rjust if right else str.ljust, texts, repeat(max(map(len, texts))))
    # Letters that are two columns wide, and those that take none.
    from rich.cells import cell_len

    widths = [cell_len(text) for text in texts]
    spaces = [" " * (max(widths) - width) for width in widths]
    return map(add, spaces, texts) if right else map(add, texts, spaces)


def edits(records: Sequence[Mapping[str, Any]], none: str) -> Lines:
    """Edits as a table, or the line ``none`` where there are none."""
    rows = [(edit["id"][:SHORT], edit["prompt"], edit["target"], edit.get("reason") or "") for edit in records]
    return listing(rows, none)


def listing(rows: Sequence[Sequence[Any]], none: str) -> Lines:
    """Edits as a table of (shortened id, prompt, target, reason, …), or the line ``none`` where there are none."""
    if not rows:
        yield line((none, "dim"))
        return
    titles = ("edit", "prompt", "target", "reason") if any(row[3] for row in rows) else ("edit", "prompt", "target")
    yield table(*titles, rows=rows, styles={"edit": "yellow", "target": "bold"})


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
    """A commit's time to the second, in UTC."""
    return (value or "")[:19].replace("T", " ")
