"""Names of fields: spelt as files spell them, compared as layouts do; which columns are no fields at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from wisedb.errors import UsageError
from wisedb.importers.fields import FieldProblem, Record, absent

_INDEX = re.compile(r"__index_level_\d+__|unnamed:_\d+(?:_level_\d+|\.\d+)*|")
_APART = re.compile(r"[\s\-]+")


def folded(name: object) -> str:
    """A field's name without case, with underscores where people write spaces or hyphens: ``Target New``."""
    return _APART.sub("_", str(name).strip().strip("\ufeff").casefold())


def spelling(record: Record) -> dict[str, str]:
    """The folded names of a record's fields, each with its spelling there.

    The index that pandas writes beside a table's columns is left out too.

    Raises:
        FieldProblem: two fields have one name, or one that holds more than an index has none.
    """
    found: dict[str, str] = {}
    for number, (name, value) in enumerate(record.items(), 1):
        short = folded(name)
        if _INDEX.fullmatch(short):
            if short.startswith("__index") or absent(value) or _is_count(value):
                continue
            raise FieldProblem(str(name).strip() or f"column {number}", "has no name: give it one, or leave it out")
        if short in found:
            raise FieldProblem(str(name), f"is there twice: also as '{found[short]}'")
        found[short] = str(name)
    return found


def _is_count(value: Any) -> bool:
    """Whether a value could be a row's number."""
    if isinstance(value, float):
        return math.isfinite(value) and value == int(value)
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and bool(re.fullmatch(r"\s*\d*\s*", value))
    )


def renaming(text: str, known: frozenset[str]) -> dict[str, str]:
    """Read ``target=new_answer,prompt=question``: which field of the file is which of an edit.

    A field of a nested record is named with dots: ``target=requested_rewrite.target_new.str``.

    Raises:
        UsageError: a part is no pair, or names no field of an edit.
    """
    found: dict[str, str] = {}
    for part in text.split(","):
        own, equals, theirs = (each.strip() for each in part.partition("="))
        if not equals or not own or not theirs:
            raise UsageError(f"'{part}' doesn't say which field is which", hint="As in: target=new_answer,prompt=text.")
        if own not in known:
            raise UsageError(f"an edit has no field '{own}'", hint=f"Its fields are {', '.join(sorted(known))}.")
        if own in found:
            raise UsageError(f"the field '{own}' is named twice", hint="An edit's field is one field of the file.")
        found[own] = theirs
    return found


def renamed(record: Record, fields: Mapping[str, str]) -> dict[str, Any]:
    """The record under an edit's own names; fields that nothing names are left out.

    Raises:
        FieldProblem: a field that is named isn't there, in any record of that name.
    """
    return {own: value for own, path in fields.items() if not absent(value := _at(record, path))}


def _at(record: Record, path: str) -> Any:
    if path in record:
        return record[path]
    value: Any = record
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(next((name for name in value if folded(name) == folded(part)), part))
        elif isinstance(value, (list, tuple)) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
