"""The JSON schemas that ship with the package, and what they say about a document."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final, Protocol

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

COMMIT: Final = "commit"
EDIT: Final = "edit"
PACK: Final = "pack"


class _Validator(Protocol):
    def iter_errors(self, instance: Any) -> Any: ...


def schema_problem(name: str, document: Any) -> str | None:
    """The first thing in which ``document`` breaks a schema, in one line; ``None`` where it breaks none.

    Args:
        name: :data:`COMMIT`, :data:`EDIT` or :data:`PACK`. What says that its format is 1 is held against that version.
        document: JSON values.
    """
    old = name != EDIT and isinstance(document, dict) and document.get("format") == 1
    error = best_match(_validator(f"{name}-1" if old else name).iter_errors(document))
    if error is None:
        return None
    where = "/".join(str(part) for part in error.absolute_path) or "the document"
    return f"{where}: {error.message[:200]}"


@cache
def _validator(name: str) -> _Validator:
    schema = json.loads(files("wisedb.schema").joinpath(f"{name}.schema.json").read_text("utf-8"))
    validator: _Validator = Draft202012Validator(schema)
    return validator
