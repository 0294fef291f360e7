"""Cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

# What begins a formula in some spreadsheet, the wide forms included; a tab or line end lets the rest begin a cell anew.
_FORMULA: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20\u2212|%")


def cell(value: Any) -> Any:
    """The value as a cell: a text that a spreadsheet might run gets an apostrophe in front; numbers stay.

    After OWASP, "CSV Injection": https://owasp.org/www-community/attacks/CSV_Injection.
    """
    if not isinstance(value, str):
        return value
    begins = value.lstrip(" \u00a0\u200b\ufeff")[:1]
    return f"'{value}" if begins in _FORMULA else value


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV of rows under the names of their columns, every text in quotes and none of them a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([cell(column) for column in columns])
    writer.writerows([["" if value is None else cell(value) for value in row] for row in rows])
    return text.getvalue()
