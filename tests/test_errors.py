"""Errors are one tree, each with a word of its own for machines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wisedb import errors
from wisedb.errors import UsageError, WisedbError, WisedbWarning


def _tree(root: type[WisedbError]) -> Iterator[type[WisedbError]]:
    yield root
    for below in root.__subclasses__():
        yield from _tree(below)


TREE = [each for each in _tree(WisedbError) if each.__module__ == errors.__name__]


def test_every_class_of_the_module_is_in_the_tree_and_in_its_picture() -> None:
    found = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)}
    found.remove(WisedbWarning)
    assert found == set(TREE)
    assert errors.__doc__ is not None and all(each.__name__ in errors.__doc__ for each in TREE)


def test_a_word_belongs_to_one_class_and_those_below_it() -> None:
    for error in TREE:
        assert error.kind == error.kind.lower() and " " not in error.kind
        first = next(each for each in TREE if each.kind == error.kind)
        assert issubclass(error, first)


@pytest.mark.parametrize("error", TREE)
def test_a_wrong_call_exits_with_2_and_everything_else_with_1(error: type[WisedbError]) -> None:
    assert error.exit_code == (2 if issubclass(error, UsageError) else 1)
