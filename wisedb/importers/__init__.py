"""Edits from files: the containers and the data layouts of the field.

A file is one JSON array, JSON lines, CSV or Parquet (:mod:`.containers`); its records are ours or those of a published
data set, recognised by their keys (:mod:`.layouts`). One bad record refuses the whole file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wisedb.edits import Edit
from wisedb.errors import BadRecord, InputError
from wisedb.importers.containers import parse
from wisedb.importers.fields import FieldProblem
from wisedb.importers.layouts import Layout, recognise, unknown

__all__ = ["read_all", "read_edits", "read_edits_from"]


def read_all(given: Edit | str | Path | Iterable[Edit | str | Path]) -> list[Edit]:
    """Edits, and those of files, in the order in which they are given; raises as :func:`read_edits`."""
    items = [given] if isinstance(given, Edit | str | Path) else list(given)
    found: list[Edit] = []
    for item in items:
        found.extend([item] if isinstance(item, Edit) else read_edits(item))
    return found


def read_edits(path: str | Path) -> list[Edit]:
    """Read every edit of a file, in the file's order.

    Args:
        path: the file; ``.json``, ``.jsonl``, ``.ndjson``, ``.csv``, ``.tsv`` and ``.parquet`` say what it is, under
            any other name the content does.

    Raises:
        BadRecord: a record is not an edit; names file, record (from 1), field and problem.
        InputError: the file can't be read, is empty, not UTF-8, or not what its name says.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"there is no file {file}", hint="Check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{file} is a folder", hint="Name the files in it.") from error
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror or error}", hint="Check its permissions.") from error
    return read_edits_from(data, str(file))


def read_edits_from(data: bytes, name: str) -> list[Edit]:
    """Read every edit of a file's content, for instance of standard input.

    Args:
        data: the whole content.
        name: what error messages call it; an ending like ``.csv`` says what it is, any other name leaves that to the
            content.

    Raises:
        BadRecord: a record is not an edit.
        InputError: the content as a whole can't be read.
    """
    edits: list[Edit] = []
    layout: Layout | None = None
    for number, record in enumerate(parse(data, name), 1):
        # A record that lacks its telling key is judged by the layout of those before it: "target_new is missing" says
        # more than "unknown layout".
        layout = recognise(record) or layout
        if layout is None:
            raise unknown(name, number, record)
        try:
            edits.append(layout.convert(record))
        except FieldProblem as problem:
            raise BadRecord(name, number, problem.field, str(problem)) from problem
        except InputError as error:
            raise BadRecord(name, number, None, error.message) from error
    if not edits:
        raise InputError(f"{name} holds no records", hint="Put at least one edit into it.")
    return edits
