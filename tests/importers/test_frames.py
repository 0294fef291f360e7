"""Data frames as JSON, and lists of records under a name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.importers.records import OWN, read
from wisedb.errors import BadRecord, InputError


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "form",
    [
        lambda rows, names: {name: {str(n): row.get(name) for n, row in enumerate(rows)} for name in names},
        lambda rows, names: {str(n): {name: row.get(name) for name in names} for n, row in enumerate(rows)},
        lambda rows, names: {
            "columns": names,
            "index": [*range(len(rows))],
            "data": [[*map(row.get, names)] for row in rows],
        },
        lambda rows, names: {
            "schema": {"fields": [], "primaryKey": ["index"]},
            "data": [{"index": n, **row} for n, row in enumerate(rows)],
        },
        lambda rows, names: {"data": rows},
    ],
    ids=["columns", "index", "split", "table", "envelope"],
)
def test_data_frames_are_read(form: Callable[[Any, Any], Any], indent: int | None) -> None:
    rows: list[dict[str, Any]] = [{**OWN, "reason": "moved"}, {"prompt": "p", "target": "t", "rephrases": ["r"]}]
    names = list(dict.fromkeys(name for row in rows for name in row))
    assert read(json.dumps(form(rows, names), indent=indent), "e.json") == read(rows)


def test_what_only_looks_like_a_data_frame_is_refused() -> None:
    named = {"columns": ["prompt", "target"], "index": ["Australia"], "data": [["p", "t"]]}
    twice = {"columns": ["prompt", "target", "target"], "data": [["p", "t", "u"]]}
    for value in (
        named,
        twice,
        {"data": [1]},
        {"data": [OWN], "version": 2},
        {"columns": ["prompt"], "data": [["p", "t"]]},
        {},
    ):
        with pytest.raises((InputError, BadRecord)):
            read(json.dumps(value), "e.json")


def test_a_cell_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        read('{"prompt": {"0": "p", "0": "q"}, "target": {"0": "t"}}', "e.json")
