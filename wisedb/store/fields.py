"""What the fields of a commit's JSON must be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from wisedb.errors import InputError
from wisedb.store.container import ID


def as_list(value: Any) -> tuple[Any, ...]:
    """A JSON list; anything else breaks a rule."""
    need(isinstance(value, list), "a list is a list")
    return tuple(value)


def all_ids(values: Iterable[Any]) -> bool:
    """Whether all of them are ids of objects."""
    return all(type(value) is str and ID.fullmatch(value) for value in values)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether it is a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def is_utf8(text: str) -> bool:
    """Whether a file can hold it: half a letter (a lone surrogate) can be in a string and in no file."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_merge(value: Any) -> bool:
    """Whether it can say how memories are merged: whatever is named ``density``, ``densities``, ``threshold`` fits."""
    if not isinstance(value, Mapping):
        return False
    densities = value.get("densities", {})
    if not isinstance(densities, Mapping):
        return False
    shares = [*densities.values(), *([value["density"]] if "density" in value else [])]
    return all(is_number(share) and 0 < share <= 1 for share in shares) and is_number(value.get("threshold", 0))


def need(condition: bool, rule: str) -> None:
    """Refuse a commit that breaks a rule.

    Raises:
        InputError: the condition doesn't hold.
    """
    if not condition:
        raise InputError(f"a commit breaks the rule that {rule}", hint="Run `wisedb fsck`.")
