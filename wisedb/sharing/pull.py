"""Pull: fetch, then bring the own branch and the remote's together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wisedb.errors import Diverged, UnknownRevision, UsageError
from wisedb.progress import Listener
from wisedb.sharing.fetch import Fetched, fetch
from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.transfer import RefChange
from wisedb.store.graph import is_ancestor
from wisedb.store.refnames import BRANCHES
from wisedb.store.store import Store
from wisedb.store.upstream import upstream_of

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


def pull(
    store: Store,
    target: RemoteTarget,
    branch: str | None,
    merge: Callable[[str, str], Mapping[str, Any]] | None,
    *,
    progress: Listener | None = None,
) -> Pulled:
    """Fetch, and move HEAD's branch there if no commit of its own gets lost by that, or merge.

    Args:
        store: the store.
        target: where from.
        branch: the remote's branch, and then no other is fetched; the upstream of HEAD's by default, or the one
            that is called like it.
        merge: takes the remote's commit and a message, merges it into HEAD's branch and says what came of it; ``None``
            if only a fast-forward is wanted.
        progress: told while files arrive.

    Raises:
        UsageError: HEAD is on no branch.
        UnknownRevision: the remote has no such branch.
        Diverged: both sides have moved, and there is no ``merge``; what was fetched stays.
        RefMoved, StoreBusy, StoreNotWritable, NoSpace: the branch has not moved.
        WisedbError: as :func:`wisedb.sharing.fetch.fetch`.
    """
    own, before = _current(store)
    upstream = upstream_of(store, own)
    usual = own if upstream is None or upstream.remote != target.tracked else upstream.branch
    wanted = branch or usual
    fetched = fetch(store, target, branches=() if branch is None else (branch,), progress=progress)
    there = fetched.branches.get(wanted)
    if there is None:
        raise UnknownRevision(
            f"{target.name} has no branch '{wanted}'", hint="`wisedb ls-remote` lists what there is; name one of them."
        )
    if is_ancestor(store.objects, there, before):
        return Pulled(fetched, own, before, before, UP_TO_DATE)
    if is_ancestor(store.objects, before, there):
        store.refs.keep_orig_head(before)
        store.refs.update(BRANCHES + own, before, there, f"pull: fast-forward to {target.name} {wanted}")
        store.index.note_commit(there)
        return Pulled(fetched, own, before, there, FAST_FORWARD)
    if merge is None:
        raise Diverged(
            f"branch '{own}' ({before[:12]}) and '{wanted}' of {target.name} ({there[:12]}) have both moved",
            hint="What came is here; `wisedb pull` without --ff-only merges both.",
        )
    merged = merge(there, f"Merge branch '{wanted}' of {target.name}")
    return Pulled(fetched, own, before, store.refs.read(BRANCHES + own) or before, MERGE, merged)


def _current(store: Store) -> tuple[str, str]:
    head = store.refs.head()
    if head.branch is None or head.commit is None:
        raise UsageError("HEAD is on no branch", hint="`wisedb switch BRANCH` attaches it to one, then pull.")
    return head.branch, head.commit
