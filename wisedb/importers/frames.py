"""Records out of JSON that is no list of them: data frames as pandas writes them, and a list under a single name.

``DataFrame.to_json`` writes columns of numbered cells unless it is told otherwise; ``orient`` gives the other forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_NAMES = ("data", "edits", "examples", "records", "requests", "rows", "train", "validation", "test")
"""What a list of records is called where it has a name."""


def records_of(value: Mapping[str, Any]) -> Sequence[Any] | None:
    """The records that an object holds; None where it is a record itself.

    A cell without a value is left out, as it is in a Parquet file.

    Args:
        value: a JSON object, all of a file.
    """
    columns, rows = value.get("columns"), value.get("data")
    if set(value) <= {"columns", "index", "data"} and isinstance(columns, list) and isinstance(rows, list):
        names = list(dict.fromkeys(map(str, columns)))
        # An index that is more than numbers would be lost, and so would one of two columns of a name.
        whole = len(names) == len(columns) and all(type(place) is int for place in value.get("index") or ())
        whole = whole and all(isinstance(row, list) and len(row) == len(names) for row in rows)
        return [_filled(dict(zip(names, row, strict=True))) for row in rows] if whole else None
    if set(value) == {"schema", "data"} and isinstance(rows, list) and _are_objects(rows):
        return _without_index(value["schema"], list(map(_filled, rows)))
    cells = list(value.values())
    if cells and all(isinstance(each, Mapping) and each for each in cells):
        if _are_numbers(value):
            return list(map(_filled, cells))
        numbers = list(cells[0])
        if _are_numbers(cells[0]) and all(list(each) == numbers for each in cells):
            return [_filled({name: column[number] for name, column in value.items()}) for number in numbers]
    if len(value) == 1 and next(iter(value)).lower() in _NAMES and _are_objects(cells[0]):
        return list(cells[0])
    return None


def _without_index(schema: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a table without the column that only counts them."""
    keys = schema.get("primaryKey") if isinstance(schema, Mapping) else None
    index = [key for key in keys or () if [row.get(key) for row in rows] == list(range(len(rows)))]
    return [{name: cell for name, cell in row.items() if name not in index} for row in rows]


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in row.items() if cell is not None}


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _are_numbers(names: Mapping[str, Any]) -> bool:
    return all(name.isdecimal() for name in names)
