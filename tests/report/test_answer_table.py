"""Answers for other programs."""

from __future__ import annotations

import io
import json

import pyarrow.parquet
import pytest

from wisedb.errors import UsageError
from wisedb.report.answer_table import as_bytes

COLUMNS, ROWS = ("a", "b", "c"), [("=1", 1, ["x"]), ("two", None, []), ("three", 3, None)]


def test_csv_has_no_formula_and_lists_as_json() -> None:
    assert as_bytes(COLUMNS, ROWS, "csv").decode().splitlines()[:3] == [
        '"a","b","c"',
        '"\'=1",1,"[""x""]"',
        '"two","","[]"',
    ]


def test_json_is_an_object_a_row() -> None:
    assert json.loads(as_bytes(COLUMNS, ROWS, "json"))[0] == {"a": "=1", "b": 1, "c": ["x"]}
    with pytest.raises(UsageError, match="one name"):
        as_bytes(("a", "a"), [(1, 2)], "json")


def test_parquet_keeps_types() -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(as_bytes(COLUMNS, ROWS, "parquet")))
    assert table.to_pydict() == {"a": ["=1", "two", "three"], "b": [1, None, 3], "c": [["x"], [], None]}
    assert [str(field.type) for field in table.schema][:2] == ["string", "int64"]
    assert pyarrow.parquet.read_table(io.BytesIO(as_bytes(("a",), [], "parquet"))).num_rows == 0
    with pytest.raises(UsageError, match="several types"):
        as_bytes(("a",), [(1,), ("x",)], "parquet")


def test_another_format_is_refused() -> None:
    with pytest.raises(UsageError, match="xml"):
        as_bytes(COLUMNS, ROWS, "xml")
