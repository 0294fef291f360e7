"""What records come in: one JSON array, JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from wisedb.errors import BadRecord, InputError
from wisedb.importers.fields import Record

_PARQUET = b"PAR1"
_TABLES = {".csv": ",", ".tsv": "\t"}
_JSON = {".json", ".jsonl", ".ndjson"}

# Cells that may hold a list: as JSON, or (our own fields) with bars between the items.
_LISTS = {"rephrases", "locality", "tags"}
_NESTED = _LISTS | {
    "answers",
    "locality_prompt",
    "locality_ground_truth",
    "messages",
    "neighborhood_prompts",
    "paraphrase_prompts",
    "portability",
    "rephrase_prompts",
    "requested_rewrite",
}


def parse(data: bytes, name: str) -> Iterator[Record]:
    """The records of a file.

    Args:
        data: its content.
        name: its name; the ending decides, or else the first bytes.

    Raises:
        BadRecord: a record is no object, or no JSON.
        InputError: the file is empty, not UTF-8, or not what its name says.
    """
    if not data.strip():
        raise InputError(f"{name} is empty", hint="Put at least one edit into it.")
    ending = PurePath(name).suffix.lower()
    if ending == ".parquet" or data.startswith(_PARQUET):
        return _parquet(data, name)
    text = _decode(data, name)
    if ending in _TABLES or (ending not in _JSON and text.lstrip()[:1] not in ("[", "{")):
        return _table(text, name, _TABLES.get(ending))
    return _json(text, name)


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name} is UTF-16, not UTF-8", hint="Save it as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}", hint="Save it as UTF-8."
        ) from error


def _json(text: str, name: str) -> Iterator[Record]:
    start = text.lstrip()[:1]
    if start == "[":
        yield from _array(_loads(text, name), name)
        return
    lines = text.splitlines() if "\r" in text and "\n" not in text else text.split("\n")
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    # A single record, written over several lines, is welcome too.
    if start == "{" and len(filled) > 1 and not _is_json(filled[0][1]):
        yield from _array([_loads(text, name)], name)
        return
    for count, (number, line) in enumerate(filled, 1):
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadRecord(name, count, None, f"line {number} is not JSON: {_reason(error)}") from error
        except RecursionError as error:
            raise BadRecord(name, count, None, f"line {number} is nested too deeply") from error
        yield _object(value, name, count)


def _array(values: Any, name: str) -> Iterator[Record]:
    for count, value in enumerate(values, 1):
        yield _object(value, name, count)


def _object(value: Any, name: str, count: int) -> Record:
    if not isinstance(value, Mapping):
        kind = {list: "a list", str: "a text", type(None): "null"}.get(type(value), "a plain value")
        raise BadRecord(name, count, None, f"must be an object with the fields of an edit, not {kind}")
    return value


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _loads(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name}, line {error.lineno}: not JSON: {_reason(error)} (column {error.colno})",
            hint="Nothing was staged; mend the line and add the file again.",
        ) from error
    except RecursionError as error:
        raise InputError(f"{name} is nested too deeply", hint="A file holds a list of flat records.") from error


def _reason(error: json.JSONDecodeError) -> str:
    before, after = error.doc[: error.pos + 1].rstrip(), error.doc[error.pos :].lstrip()
    # Python before 3.13 complains about what follows the comma, and points there.
    if re.search(r",\s*[\]}]?$", before) and (after[:1] in ("]", "}", "") or before[-1:] in ("]", "}")):
        return "there is a comma behind the last item"
    return error.msg[:1].lower() + error.msg[1:]


def _table(text: str, name: str, delimiter: str | None) -> Iterator[Record]:
    header = text.lstrip().partition("\n")[0]
    if delimiter in (None, ",") and "," not in header:
        # What spreadsheets write where the comma is the decimal sign, and what is copied out of them.
        delimiter = next((other for other in (";", "\t") if other in header), ",")
    rows = csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=delimiter or ",", strict=True)
    names: list[str] = []
    count = 0
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = _header(row, name)
                continue
            count += 1
            if len(row) != len(names):
                raise BadRecord(name, count, None, f"has {len(row)} cells under {len(names)} column names")
            yield {column: _cell(column, cell, name, count) for column, cell in zip(names, row, strict=True) if cell}
    except csv.Error as error:
        raise BadRecord(name, count + 1, None, f"is not CSV (line {rows.line_num}): {error}") from error


def _header(row: list[str], name: str) -> list[str]:
    names = [cell.strip() for cell in row]
    if double := next((column for column in names if names.count(column) > 1), None):
        raise InputError(f"{name} has two columns '{double}'", hint="Give each column its own name.")
    return names


def _cell(column: str, cell: str, name: str, count: int) -> Any:
    start = cell.lstrip()[:1]
    if column in _NESTED and start and start in "[{":
        try:
            return json.loads(cell)
        except (json.JSONDecodeError, RecursionError) as error:
            raise BadRecord(name, count, column, f"looks like JSON and is none: {error}") from error
    if column in _LISTS:
        return [item.strip() for item in cell.split("|") if item.strip()]
    return cell


def _parquet(data: bytes, name: str) -> Iterator[Record]:
    # Here and not above: pyarrow takes a third of a second to load, and few files are Parquet.
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{name} is not Parquet: {reason}", hint="Check how the file was written.") from error
    for count, row in enumerate(rows, 1):
        filled = {column: value for column, value in row.items() if value is not None}
        yield _object(filled, name, count)
