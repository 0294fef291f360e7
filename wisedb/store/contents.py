"""What an object must hold beside its hash: a hash says that a content is what was written, not that it can be read.

Who makes a commit or a blob by hand gives it the right id as well. So what comes from elsewhere is held against these
rules before anything names it, ``fsck`` holds all that is here against them, and the index leaves out what breaks them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard

from wisedb.edits import Edit
from wisedb.errors import CorruptObject, InputError
from wisedb.store.blobs import Blob
from wisedb.store.container import ID
from wisedb.store.fields import is_number

EDITS: Final = "edits"
"""The kind of the blobs that hold records of edits."""

VERSIONS: Final = frozenset({"delta", "factors", "rows", "matrix", "memory", "codebook", "deferral", "facts"})
"""The kinds of blobs that a memory's versions are."""

HINT: Final = "Don't trust where it came from; `wisedb fsck` lists all that is damaged."

_Rule = tuple[Callable[[Any], bool], str]


def are_ids(value: Any) -> TypeGuard[list[str]]:
    """Whether it is a list of ids."""
    return isinstance(value, list) and all(map(_is_id, value))


def _is_id(value: Any) -> bool:
    return type(value) is str and ID.fullmatch(value) is not None


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(type(text) is str for text in value)


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_stream(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_item, value))


def _is_item(value: Any) -> bool:
    if not isinstance(value, dict) or not _is_id(value.get("edit")):
        return False
    companions = (value.get(name, []) for name in ("companions", "replay"))
    batches = (value.get(name) for name in ("batch", "lesson"))
    return all(map(are_ids, companions)) and all(batch is None or _is_whole(batch) for batch in batches)


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_whole(size) and size > 0 for size in value)


def _or_none(rule: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or rule(value)


_ID: Final[_Rule] = (_is_id, "the id of a blob")
_TEXTS: Final[_Rule] = (_are_texts, "a list of texts")
_BEGINNING: Final[Mapping[str, _Rule]] = {
    "seed": (_or_none(_is_whole), "a whole number"),
    "editor": (_is_table, "a table"),
    "modules": _TEXTS,
}
_VERSION: Final[Mapping[str, _Rule]] = {
    "origin": _ID,
    "mask": _ID,
    "before": (lambda value: value == "" or _is_id(value), "a hash, or empty"),
    "threshold": (is_number, "a finite number"),
    "stream": (_is_stream, "a list of edits, their companions and their batches"),
    "edits": (are_ids, "a list of ids of edits"),
    "statistics": (_is_table, "a table"),
}
_RULES: Final[Mapping[str, Mapping[str, _Rule]]] = {
    EDITS: {"edits": _VERSION["edits"]},
    "mask": {
        **_BEGINNING,
        "shape": (_is_shape, "two whole numbers above 0"),
        "entries": (lambda value: _is_whole(value) and value >= 0, "a whole number"),
    },
    "origin": _BEGINNING,
    **dict.fromkeys(VERSIONS, _VERSION),
    "keys": {
        "edits": _VERSION["edits"],
        "statistics": _ID,
        "rephrases": (lambda value: type(value) is bool, "true or false"),
        "format": (lambda value: type(value) is str, "a text"),
    },
    "statistics": {"pool": _ID, "words": _TEXTS, "scripts": _TEXTS, "layer": (_is_whole, "a whole number")},
    "pool": {"prompts": _TEXTS, "contexts": _TEXTS, "held_out": _TEXTS, "generator": (_is_table, "a table")},
    "covariance": {"pool": _ID},
}
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    EDITS: ("edits",),
    "keys": ("edits", "statistics"),
    "pool": ("prompts", "contexts"),
    **dict.fromkeys(VERSIONS, ("edits",)),
}


def check_meta(kind: str, meta: Mapping[str, Any]) -> None:
    """Hold a blob's meta against the rules of its kind; of other kinds and of further fields nothing is said.

    Raises:
        CorruptObject: a field is missing or of another type, or an edit is listed twice.
    """
    for name in _NEEDED.get(kind, ()):
        if name not in meta:
            raise CorruptObject(f"a blob of kind '{kind}' says nothing of its {name}", hint=HINT)
    for name, (fits, wanted) in _RULES.get(kind, {}).items():
        if name in meta and not fits(meta[name]):
            raise CorruptObject(f"the '{name}' of a blob of kind '{kind}' is not {wanted}", hint=HINT)
    listed = meta.get("edits", []) if kind in _RULES else []
    if len(set(listed)) != len(listed):
        raise CorruptObject(f"a blob of kind '{kind}' lists an edit twice", hint=HINT)


def check_named(blob_id: str, kind: str, meta: Mapping[str, Any], *needed: str) -> None:
    """:func:`check_meta` for whoever reads a blob: the error names it.

    Args:
        blob_id, kind, meta: the blob.
        needed: further fields without which it can't be read.

    Raises:
        CorruptObject: as :func:`check_meta`, or one of ``needed`` is missing.
    """
    try:
        check_meta(kind, meta)
        if lacking := [name for name in needed if name not in meta]:
            raise CorruptObject(f"a blob of kind '{kind}' says nothing of its {lacking[0]}")
    except CorruptObject as error:
        raise CorruptObject(f"blob {blob_id[:12]} can't be read: {error.message}", hint="Run `wisedb fsck`.") from error


def read_records(blob: Blob) -> list[Edit]:
    """The edits whose records a blob of the kind ``edits`` holds, checked and held against the blob's list.

    Raises:
        CorruptObject: it holds none, or others than it lists.
    """
    try:
        check_meta(EDITS, blob.meta)
        edits = [Edit.from_json(record) for record in json.loads(blob.arrays["records"].data)]
        if [edit.id for edit in edits] != blob.meta["edits"]:
            raise CorruptObject("its records are not the edits that it lists", hint=HINT)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError) as error:
        raise CorruptObject(f"it holds no edits: {error}", hint=HINT) from error
    return edits
