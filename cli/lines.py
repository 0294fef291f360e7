"""Lines and tables of plain text that steer no terminal, aligned for whatever reads them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from operator import add
from typing import Any, TextIO

_PRINTABLE = bytes(range(ord(" "), ord("~") + 1))

_PIECE = 512

# Control and format characters (the signs that turn text around among them), line and paragraph separators, and what
# is no character.
_STEERING = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
_STEERS = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001-\U000e007f]"
)


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
"""What is printed, one after the other."""


def line(*parts: str | tuple[str, str] | None) -> Line:
    """One line of plain and ``(text, style)`` parts; ``None`` is left out."""
    pairs = (part if isinstance(part, tuple) else (part, "") for part in parts if part is not None)
    return Line(tuple((clean(text), style) for text, style in pairs))


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


def clean(text: str) -> str:
    """The text without control characters: an edit from elsewhere must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        _escape(character) if unicodedata.category(character) in _STEERING else character for character in text
    )


def clean_lines(text: str) -> str:
    """The same; its lines stay lines."""
    return text if text.isprintable() else "\n".join(map(clean, text.split("\n")))


def clean_json(text: str) -> str:
    """JSON text with what may steer a terminal, or turn or hide what is read, as JSON escapes it: the same document."""
    return text if text.isascii() and "\x7f" not in text else _STEERS.sub(_as_json, text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _as_json(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


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
