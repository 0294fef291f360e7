"""The answer to a query in a format for other programs."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from wisedb.errors import UsageError
from wisedb.report.cells import csv_text


def as_bytes(columns: Sequence[str], rows: Sequence[Sequence[Any]], format: str) -> bytes:
    """The rows as ``csv`` (no cell a formula, lists as JSON), ``json`` (an array of objects) or ``parquet``.

    Args:
        columns: their names.
        rows: JSON values.
        format: which.

    Raises:
        UsageError: two columns of a JSON object have one name, or a Parquet column would hold values of several types.
    """
    match format:
        case "csv":
            return csv_text(columns, [[_flat(value) for value in row] for row in rows]).encode()
        case "json":
            if len(set(columns)) < len(columns):
                raise UsageError("two columns have one name", hint="Name them apart: SELECT a AS x, b AS y.")
            objects = [dict(zip(columns, row, strict=True)) for row in rows]
            return (json.dumps(objects, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
        case "parquet":
            return _parquet(columns, rows)
        case _:
            raise UsageError(f"an answer can't be {format!r}", hint="It can be csv, json or parquet.")


def _parquet(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    arrays: list[Any] = []
    for place, name in enumerate(columns):
        try:
            array: Any = pyarrow.array([row[place] for row in rows])
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
            raise UsageError(
                f"the column '{name}' holds values of several types", hint=f"Cast it: {name}::VARCHAR."
            ) from error
        arrays.append(array.cast(pyarrow.string()) if pyarrow.types.is_null(array.type) else array)
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, names=list(columns)), sink)
    return sink.getvalue()


def _flat(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
