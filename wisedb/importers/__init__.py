"""Edits from files: the containers and the data layouts of the field.

A file is one JSON array, JSON lines, CSV or Parquet (:mod:`.containers`); its records are ours or those of a published
data set, recognised by what they have and what they lack (:mod:`.layouts`), or named by whoever reads it. One bad
record refuses the whole file, unless the bad ones are asked for (:mod:`.reading`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wisedb.edits import Edit
from wisedb.errors import InputError
from wisedb.importers.fields import FieldProblem
from wisedb.importers.fields import filled as fill
from wisedb.importers.flat import OWN_FIELDS
from wisedb.importers.names import renaming
from wisedb.importers.reading import BadLine, How, Reading, files_of, read_data, read_path

__all__ = [
    "BadLine",
    "Given",
    "How",
    "Reading",
    "fields_named",
    "filled",
    "read",
    "read_data",
    "read_edits",
    "read_edits_from",
    "refuse_bad",
]


Given = Edit | str | Path | Reading
"""An edit, a file or folder, or what was read already."""


def filled(prompt: str, subject: str | None) -> str:
    """A template with its subject in the place of ``{}``; any other prompt as it is.

    Raises:
        InputError: there is no subject to put there, or it stands in the prompt already.
    """
    try:
        return fill(prompt, subject, "prompt")
    except FieldProblem as problem:
        raise InputError(f"the prompt {prompt!r} {problem}", hint="Name the subject, or write it out.") from problem


def read(given: Given | Iterable[Given], how: How | None = None) -> Reading:
    """Edits, those of files and folders, and what was read already, in their order, with what is bad among them.

    Raises:
        InputError: a file as a whole can't be read.
    """
    items = [given] if isinstance(given, Edit | str | Path | Reading) else list(given)
    return Reading.joined([each for item in items for each in _read(item, how or How())])


def _read(item: Given, how: How) -> list[Reading]:
    if isinstance(item, Edit | Reading):
        return [item if isinstance(item, Reading) else Reading((item,))]
    path = Path(item)
    return [read_path(file, how) for file in (files_of(path) if path.is_dir() else [path])]


def refuse_bad(reading: Reading) -> Reading:
    """The reading itself, if every record of it is an edit.

    Raises:
        BadRecord: the first that is none; the others stand in its ``others``.
    """
    if reading.bad:
        first, *others = (line.problem for line in reading.bad)
        raise first.with_others(others)
    return reading


def read_edits(path: str | Path) -> list[Edit]:
    """Read every edit of a file, in the file's order.

    Args:
        path: the file; ``.json``, ``.jsonl``, ``.ndjson``, ``.csv``, ``.tsv`` and ``.parquet`` say what it is, under
            any other name the content does.

    Raises:
        BadRecord: a record is not an edit; names file, record (from 1), field and problem.
        InputError: the file can't be read, is empty, not UTF-8, or not what its name says.
    """
    return list(refuse_bad(read_path(path, How())).edits)


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
    return list(refuse_bad(read_data(data, name, How())).edits)


def fields_named(text: str) -> dict[str, str]:
    """Read ``target=new_answer,prompt=question``: which field of a file is which of an edit.

    Raises:
        UsageError: a part is no pair, or names no field of an edit.
    """
    return renaming(text, OWN_FIELDS - {"id"})
