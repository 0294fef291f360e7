"""Where the store is: the branch, HEAD, what is staged, the index's health. No torch: ``status`` answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit
from wisedb.store.upstream import Distance, distance

if TYPE_CHECKING:
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Status:
    """Where the store is.

    Attributes:
        branch: the branch that HEAD is on, ``None`` when it is on a commit.
        head: the commit, ``None`` before the first.
        staged: the edits that the next commit takes.
        index: the index's health, in one word.
        distance: how far the branch and its upstream are apart, ``None`` where it has none.
    """

    branch: str | None
    head: str | None
    staged: tuple[Edit, ...]
    index: str
    distance: Distance | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb status --json`` prints it."""
        return {
            "branch": self.branch,
            "head": self.head,
            "staged": [edit.to_json() for edit in self.staged],
            "index": self.index,
            **({} if self.distance is None else self.distance.to_json()),
        }


def status(store: Store) -> Status:
    """Where the store is, its index repaired if it must be."""
    head = store.refs.head()
    apart = None if head.branch is None else distance(store, head.branch)
    return Status(head.branch, head.commit, tuple(store.staging.edits()), store.index.ensure(), apart)
