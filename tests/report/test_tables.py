"""The facts as CSV and as Parquet."""

from __future__ import annotations

import csv
import io

import pyarrow.parquet

from tests.report.hostile import FORMULAS, TEXTS, hostile_report
from wisedb.report.tables import COLUMNS, to_csv, to_parquet


def test_no_cell_of_the_csv_is_a_formula() -> None:
    text = to_csv(hostile_report(FORMULAS)).decode("utf-8-sig")
    head, *rows = list(csv.reader(io.StringIO(text, newline="")))
    assert tuple(head) == COLUMNS and len(rows) == len(FORMULAS)
    cells = [value for row in rows for value in row]
    assert not [value for value in cells if value.lstrip(" \ufeff")[:1] in "=+-@\t\r\n\uff1d" and value]
    # An edit's target is kept without white space around it; the reason is as it was.
    assert [row[COLUMNS.index("reason")] for row in rows] == [f"'{text}" for text in FORMULAS]


def test_parquet_has_the_texts_as_they_are() -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(to_parquet(hostile_report())))
    assert tuple(table.column_names) == COLUMNS
    assert table.column("reason").to_pylist() == list(TEXTS)
    assert table.column("tags").to_pylist() == [[text] for text in TEXTS]
    assert table.column("before").to_pylist() == list(TEXTS)


def test_no_fact_is_a_table_without_rows() -> None:
    empty = hostile_report(TEXTS[:1])
    empty = type(empty)(**{name: getattr(empty, name) for name in empty.__dataclass_fields__} | {"facts": []})
    assert pyarrow.parquet.read_table(io.BytesIO(to_parquet(empty))).num_rows == 0
    assert to_csv(empty).decode("utf-8-sig").count("\r\n") == 1
