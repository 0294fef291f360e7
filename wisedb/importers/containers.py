"""What records come in: one JSON array or table, JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from wisedb.errors import BadRecord, InputError
from wisedb.importers.cells import cell
from wisedb.importers.fields import FieldProblem, Record
from wisedb.importers.frames import records_of
from wisedb.importers.names import folded

_PARQUET = b"PAR1"
_TABLES = {".csv": ",", ".tsv": "\t"}
_JSON = {".json", ".jsonl", ".ndjson"}
_DELIMITERS = (",", ";", "\t", "|")

ENDINGS = (*_JSON, *_TABLES, ".parquet")
"""The endings of the files that are read."""

_OTHERS = {
    b"\x1f\x8b": "is compressed by gzip",
    b"PK\x03\x04": "is a ZIP archive or a spreadsheet",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd",
    b"BZh": "is compressed by bzip2",
    b"\xfd7zXZ": "is compressed by xz",
    b"ARROW1": "is an Arrow file",
    b"SQLite format 3": "is a SQLite database",
    b"\x80\x04": "is a pickle",
    b"\x80\x05": "is a pickle",
}
"""What other containers begin with."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file, or why it is none.

    Attributes:
        number: its place, from 1.
        found: its fields, or why they can't be read.
        text: the record as one line that can be mended and read again: JSON, or what stands there; empty where nothing
            behind it can be told from it.
    """

    number: int
    found: Record | BadRecord
    text: str


def parse(data: bytes, name: str) -> Iterator[Row]:
    """The records of a file.

    Args:
        data: its content.
        name: its name; the ending decides, or else the first bytes.

    Raises:
        InputError: the file is empty, not UTF-8, or not what its name says.
    """
    if not data.strip():
        raise InputError(f"{name} is empty", hint="Put at least one edit into it.")
    for magic, what in _OTHERS.items():
        if data.startswith(magic):
            raise InputError(f"{name} {what}", hint="Write its records as JSON, JSON lines, CSV or Parquet.")
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


def _json(text: str, name: str) -> Iterator[Row]:
    start = text.lstrip()[:1]
    if start == "[":
        yield from _array(_loads(text, name), name)
        return
    lines = text.splitlines() if "\r" in text and "\n" not in text else text.split("\n")
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    # A single record, written over several lines, is welcome too, and so is a table that is one object.
    if start == "{" and (len(filled) == 1 or not _is_json(filled[0][1])):
        # A record that is a line by itself is read below, where what is wrong with it is the record's fault.
        told = json.loads(text) if len(filled) == 1 and _is_json(text) else None
        if len(filled) > 1 or (isinstance(told, Mapping) and records_of(told) is not None):
            whole = _loads(text, name)
            records = records_of(whole)
            yield from _array([whole] if records is None else records, name)
            return
    for count, (number, line) in enumerate(filled, 1):
        try:
            value = json.loads(line, object_pairs_hook=_once)
        except json.JSONDecodeError as error:
            problem = BadRecord(name, count, None, f"line {number} is not JSON: {_reason(error)}")
            yield Row(count, problem, line.strip())
        except RecursionError:
            problem = BadRecord(name, count, None, f"line {number} is nested too deeply")
            yield Row(count, problem, line.strip())
        except _Twice as error:
            yield Row(count, BadRecord(name, count, error.field, "is there twice"), line.strip())
        else:
            yield _object(value, name, count)


def _array(values: Any, name: str) -> Iterator[Row]:
    for count, value in enumerate(values, 1):
        yield _object(value, name, count)


def _object(value: Any, name: str, count: int) -> Row:
    text = as_line(value)
    if not isinstance(value, Mapping):
        kind = {list: "a list", str: "a text", type(None): "null"}.get(type(value), "a plain value")
        problem = BadRecord(name, count, None, f"must be an object with the fields of an edit, not {kind}")
        return Row(count, problem, text)
    return Row(count, value, text)


def as_line(value: Any) -> str:
    """A record as one line of JSON; what JSON has no word for, as text."""
    return json.dumps(value, ensure_ascii=True, default=str)


class _Twice(Exception):
    """An object that names a field twice."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _loads(text: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name}, line {error.lineno}: not JSON: {_reason(error)} (column {error.colno})",
            hint="Nothing was staged; mend the line and add the file again.",
        ) from error
    except RecursionError as error:
        raise InputError(f"{name} is nested too deeply", hint="A file holds a list of flat records.") from error
    except _Twice as error:
        raise InputError(
            f"{name}: a record has the field '{error.field}' twice", hint="Nothing was staged; keep one of them."
        ) from error


def _reason(error: json.JSONDecodeError) -> str:
    before, after = error.doc[: error.pos + 1].rstrip(), error.doc[error.pos :].lstrip()
    # Python before 3.13 complains about what follows the comma, and points there.
    if re.search(r",\s*[\]}]?$", before) and (after[:1] in ("]", "}", "") or before[-1:] in ("]", "}")):
        return "there is a comma behind the last item"
    return error.msg[:1].lower() + error.msg[1:]


def _table(text: str, name: str, delimiter: str | None) -> Iterator[Row]:
    text = text.lstrip("\r\n")
    # What Excel reads the delimiter from.
    if told := re.match(r'"?sep=(.)"?\r?\n', text, re.IGNORECASE):
        delimiter, text = told[1], text[told.end() :].lstrip("\r\n")
    else:
        delimiter = _delimiter(text, delimiter)
    # Who writes a space behind the delimiter writes it in the header too; else it belongs to the cell.
    spaced = bool(re.match(rf'[^\r\n]*{re.escape(delimiter)} +"?\w', text)) and delimiter != "\t"
    # A long cell is no damage: the text is in memory already, and the module's limit is for those who stream.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=spaced)
    names: list[str] = []
    count = 0
    try:
        for row in rows:
            if not any(each.strip() for each in row):
                continue
            if not names:
                names = _header(row, name)
                continue
            count += 1
            yield _line(row, names, name, count, delimiter)
    except csv.Error as error:
        problem = BadRecord(
            name, count + 1, None, f"is not CSV (line {rows.line_num}): {error}; nothing behind it was read"
        )
        yield Row(count + 1, problem, "")


def _delimiter(text: str, usual: str | None) -> str:
    """The sign that makes the most columns of the first line: spreadsheets write others than their name says."""
    first = text.splitlines()[0] if text else ""
    candidates = dict.fromkeys((usual or ",", *_DELIMITERS))
    return max(candidates, key=first.count)


def _line(row: list[str], names: list[str], name: str, count: int, delimiter: str) -> Row:
    if len(row) != len(names):
        problem = BadRecord(name, count, None, f"has {len(row)} cells under {len(names)} column names")
        beyond = (f"Unnamed: {place}" for place in range(len(names), len(row)))
        return Row(count, problem, as_line(dict(zip((*names, *beyond), row, strict=False))))
    record: dict[str, Any] = {}
    try:
        for column, text in zip(names, row, strict=True):
            if re.match(r'\s+"', text):
                raise FieldProblem(column, f"has a space between '{delimiter}' and its quotation mark")
            if text.strip():
                record[column] = cell(folded(column), text)
    except FieldProblem as error:
        as_it_stands = as_line({column: text for column, text in zip(names, row, strict=True) if text.strip()})
        return Row(count, BadRecord(name, count, column, str(error)), as_it_stands)
    return Row(count, record, as_line(record))


def _header(row: list[str], name: str) -> list[str]:
    names = [each.strip() for each in row]
    if double := next((column for column in names if column and names.count(column) > 1), None):
        raise InputError(f"{name} has two columns '{double}'", hint="Give each column its own name.")
    # Several columns without a name are told apart by their place.
    unnamed = [place for place, column in enumerate(names) if not column]
    return [f"Unnamed: {place}" if place in unnamed else column for place, column in enumerate(names)]


def _parquet(data: bytes, name: str) -> Iterator[Row]:
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
