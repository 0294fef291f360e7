"""Pull: what becomes of the own branch after a fetch. (Where both sides have moved, it is for a merge.)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wisedb.errors import Diverged, UnknownRevision, UsageError
from wisedb.sharing.fetch import Fetched
from wisedb.sharing.transfer import RefChange
from wisedb.store.graph import is_ancestor
from wisedb.store.refnames import BRANCHES
from wisedb.store.store import Store

UP_TO_DATE: Final = "up-to-date"
FAST_FORWARD: Final = "fast-forward"
MERGE: Final = "merge"


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did.

    Attributes:
        fetched: what came.
        branch: the branch here.
        before: where it was.
        head: where it is.
        how: ``up-to-date``, ``fast-forward`` or ``merge``.
        merge: what the merge says of itself, ``None`` without one.
    """

    fetched: Fetched
    branch: str
    before: str
    head: str
    how: str
    merge: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``pull`` prints it."""
        told = self.fetched.to_json()
        if self.head != self.before:
            told["refs"] = [*told["refs"], RefChange(BRANCHES + self.branch, self.before, self.head).to_json()]
        merge = {} if self.merge is None else dict(self.merge)
        return {
            **told,
            "branch": self.branch,
            "from": self.before,
            "head": self.head,
            "how": self.how,
            "conflicts": merge.get("conflicts", []),
            "merge": self.merge,
        }


def current_branch(store: Store) -> tuple[str, str]:
    """The branch that HEAD is on, and its commit.

    Raises:
        UsageError: HEAD is on no branch.
    """
    head = store.refs.head()
    if head.branch is None or head.commit is None:
        raise UsageError("HEAD is on no branch", hint="`wisedb switch BRANCH` attaches it to one, then pull.")
    return head.branch, head.commit


def advance(store: Store, fetched: Fetched, branch: str, *, remote: str) -> str | None:
    """Move HEAD's branch to where the remote's branch is, if no commit of its own gets lost by that.

    Args:
        store: the store.
        fetched: what came.
        branch: the remote's branch.
        remote: what the remote is called, for the reflog.

    Returns:
        ``up-to-date`` or ``fast-forward``, or ``None`` where both sides have moved: nothing was done then.

    Raises:
        UnknownRevision: the remote has no such branch.
        RefMoved, StoreBusy, StoreNotWritable, NoSpace: nothing has moved.
    """
    own, here = current_branch(store)
    there = fetched.branches.get(branch)
    if there is None:
        raise UnknownRevision(
            f"{remote} has no branch '{branch}'", hint="`wisedb ls-remote` lists what there is; name one of them."
        )
    if is_ancestor(store.objects, there, here):
        return UP_TO_DATE
    if not is_ancestor(store.objects, here, there):
        return None
    store.refs.update(BRANCHES + own, here, there, f"pull: fast-forward to {remote} {branch}")
    return FAST_FORWARD


def diverged(store: Store, fetched: Fetched, branch: str) -> Diverged:
    """What to say where a fast-forward was asked for and isn't possible."""
    own, here = current_branch(store)
    return Diverged(
        f"branch '{own}' ({here[:12]}) and the remote's '{branch}' ({fetched.branches[branch][:12]}) have both moved",
        hint="What came is here; `wisedb pull` without --ff-only merges both.",
    )
