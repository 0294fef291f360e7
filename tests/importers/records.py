"""Records to be read, one or many."""

from __future__ import annotations

import json
from typing import Any

from wisedb.edits import Edit
from wisedb.importers import read_edits_from

OWN: dict[str, Any] = {"prompt": "The capital of Freedonia is", "target": "Fredville"}


def read(content: str | bytes | list[Any], name: str = "edits.json") -> list[Edit]:
    if isinstance(content, list):
        content = json.dumps(content)
    return read_edits_from(content.encode() if isinstance(content, str) else content, name)


def one(record: dict[str, Any]) -> Edit:
    (edit,) = read([record])
    return edit
