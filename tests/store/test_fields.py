"""The rules of a commit's fields."""

from __future__ import annotations

from typing import Any

import pytest

from wisedb.errors import InputError
from wisedb.store.fields import all_ids, as_list, is_number, need

A = "a" * 64


def test_a_rule_that_is_broken_is_named() -> None:
    need(True, "all is well")
    with pytest.raises(InputError, match="the rule that all is well"):
        need(False, "all is well")


@pytest.mark.parametrize("value", [(), "ab", {"a": 1}, None])
def test_only_a_list_is_a_list(value: Any) -> None:
    assert as_list([1, "b"]) == (1, "b")
    with pytest.raises(InputError):
        as_list(value)


@pytest.mark.parametrize("value", ["", A[:-1], A.upper(), A + "\n", 7, None])
def test_only_ids_are_ids(value: Any) -> None:
    assert all_ids([]) and all_ids([A, A])
    assert not all_ids([A, value])


@pytest.mark.parametrize(("value", "expected"), [(1, True), (0.5, True), (True, False), ("1", False),
                                                 (float("nan"), False), (float("inf"), False)])  # fmt: skip
def test_numbers_are_finite(value: Any, expected: bool) -> None:
    assert is_number(value) == expected
