"""The index's schema, read from the numbered files of ``wisedb.schema``."""

from __future__ import annotations

from importlib import resources
from typing import Final

VERSION: Final = 3
"""Grows whenever the tables change. An index of another version is built anew: it holds derived data only."""

TABLES: Final = ("commits", "edits", "changes", "memories")
"""The tables, in the order in which they are filled."""


def tables() -> str:
    """The statements that make the tables."""
    return _read("0001_tables.sql")


def views() -> str:
    """The statements that make what users query."""
    return _read("0002_views.sql") + _read("0003_audit_views.sql")


def _read(name: str) -> str:
    return resources.files("wisedb.schema").joinpath(name).read_text(encoding="utf-8")
