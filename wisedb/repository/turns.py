"""One verb at a time: a repository has one base model in memory, and a verb attaches memories to it for a while."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from wisedb.repository.repository import Repository

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def in_turn(
    verb: Callable[Concatenate[Repository, _Given], _Found],
) -> Callable[Concatenate[Repository, _Given], _Found]:
    """Let a verb that needs the base model wait for those of other threads."""

    @wraps(verb)
    def waiting(repository: Repository, /, *args: _Given.args, **kwargs: _Given.kwargs) -> _Found:
        with repository.turn:
            return verb(repository, *args, **kwargs)

    return waiting
