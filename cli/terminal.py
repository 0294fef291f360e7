"""Lines and tables on a terminal: coloured, and folded where they are wider than it."""

from __future__ import annotations

from typing import Any, Final, TextIO

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from .lines import Line, Lines, Table, clean_lines, line

FOLDED: Final = 200
"""Rows of a table whose cells are folded and coloured. Rich needs half a millisecond for each; longer ones are shown as
a pipe gets them, at once, and the terminal wraps what is too wide."""

_UNBOUNDED: Final = 100_000  # columns: a pipe has no width, so nothing is cut or wrapped for one
_WHOLE: Final = frozenset({"id", "commit", "edit", "memory", "and", "blob", "date", "from", "to"})


def show(lines: Lines, stream: TextIO) -> None:
    """Print to a terminal, or to what shall get colours like one."""
    # No markup, so that [brackets] in a prompt stay what they are.
    width = None if stream.isatty() else _UNBOUNDED
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
    for each in lines:
        if not isinstance(each, Table):
            console.print(_painted(each), soft_wrap=True)
        elif len(each.rows) <= FOLDED:
            console.print(grid(each))
        else:
            each.write(stream)


def grid(table: Table) -> Grid:
    """The table as Rich lays it out: ids, dates and numbers whole, the rest folded."""
    cells = [[_cell(value) for value in row[: len(table.titles)]] for row in table.rows]
    made = Grid(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for place, title in enumerate(table.titles):
        widest = max((row[place].cell_len for row in cells), default=0)
        fixed = (title in table.numbers or title in _WHOLE) and widest <= 24
        made.add_column(
            title.upper(),
            style=table.styles.get(title, ""),
            justify="right" if title in table.numbers else "left",
            no_wrap=fixed,
            min_width=max(widest, len(title)) if fixed else None,
            overflow="fold",
        )
    for row in cells:
        made.add_row(*row)
    return made


def _cell(value: Any) -> Text:
    if isinstance(value, Line):
        return _painted(value)
    return _painted(line(value if isinstance(value, tuple) else "" if value is None else str(value)))


def _painted(text: Line | str) -> Text:
    if isinstance(text, str):
        return Text(clean_lines(text))
    return Text.assemble(*text.parts)
