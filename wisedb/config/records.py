"""Fields of a record, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text_of(record: Mapping[str, Any], name: str) -> str:
    """A field that must be a text.

    Raises:
        KeyError: it is missing.
        TypeError: it is none.
    """
    if not isinstance(record, Mapping) or not isinstance(record[name], str):
        raise TypeError(f"'{name}' must be a text")
    return str(record[name])


def without_none(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something: TOML has no null, so that what is left out is read back as ``None``."""
    return {name: value for name, value in record.items() if value is not None}
