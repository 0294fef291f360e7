"""Documents in which one field is of another type: what whoever writes JSON by hand may put there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    7,
    10**400,
    123.0,
    -0.5,
    "",
    "x",
    "a" * 64,
    "\ud800",
    "a\nb",
    [],
    {},
    [None],
    [7],
    ["x"],
    ["a" * 64, "a" * 64],
    [[]],
    [{}],
    {"a": None},
    {"edit": 7},
    [{"edit": 7}],
    [{"edit": "a" * 64, "companions": 7}],
)
"""One of each type, and those of a type that are special."""


def mutations(document: Any, *, deep: int = 6) -> Iterator[tuple[str, Any]]:
    """(where, the document with another value there, or without that field), for every place in it.

    Args:
        document: JSON values.
        deep: how many levels down.
    """
    for path in _paths(document, deep):
        where = "/".join(map(str, path)) or "."
        for number, value in enumerate(VALUES):
            yield f"{where} := {number}", _with(document, path, value)
        if path:
            yield f"{where} gone", _without(document, path)
    if isinstance(document, dict):
        yield "more", {**document, "unheard-of": 1}


def _paths(document: Any, deep: int) -> Iterator[tuple[str | int, ...]]:
    yield ()
    if deep == 0:
        return
    items: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(document, dict):
        items = iter(document.items())
    elif isinstance(document, list):
        items = iter(list(enumerate(document))[:1])  # what holds for one holds for the others
    for key, value in items:
        for path in _paths(value, deep - 1):
            yield (key, *path)


def _with(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    changed: Any = dict(document) if isinstance(document, dict) else list(document)
    changed[path[0]] = _with(changed[path[0]], path[1:], value)
    return changed


def _without(document: Any, path: tuple[str | int, ...]) -> Any:
    changed: Any = dict(document) if isinstance(document, dict) else list(document)
    if len(path) == 1:
        del changed[path[0]]
    else:
        changed[path[0]] = _without(changed[path[0]], path[1:])
    return changed
