"""Where HEAD is, and how it moves: onto a branch, onto a commit, or with its branch. No torch."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from wisedb.errors import UnknownRevision, UsageError, WisedbError
from wisedb.store import history
from wisedb.store.ranges import Range, walk
from wisedb.store.refnames import BRANCHES
from wisedb.store.revisions import previous
from wisedb.versioning.streams import changes, in_force_at

if TYPE_CHECKING:
    from wisedb.store.store import Store


_PREVIOUS: Final = re.compile(r"@\{-(\d{1,9})\}")


_ONLY_SOME: Final = ("left", "staged", "dropped", "returned")


@dataclass(frozen=True, slots=True)
class HeadMove:
    """Where HEAD is after a move.

    Attributes:
        head: the commit.
        branch: the branch that HEAD is on, ``None`` where it is on a commit.
        before: the commit that HEAD was at.
        added: edits in force now and not before.
        reverted: edits in force before and not now.
        left: commits that no ref leads to any more, newest first: HEAD was on them and on no branch.
        staged: edits that the move staged, because the commits that brought them were taken back.
        dropped: edits that were staged, and were thrown away.
        returned: edits in force again because the commits that took them out were taken back, where nothing that is
            staged says otherwise: only edits can be staged, not that one goes.
    """

    head: str
    branch: str | None
    before: str | None
    added: tuple[str, ...]
    reverted: tuple[str, ...]
    left: tuple[str, ...] = ()
    staged: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As ``checkout``, ``switch``, ``reset``, ``rollback`` and ``revert`` print it; the last four if any."""
        return {
            "head": self.head,
            "commit": self.head,
            "branch": self.branch,
            "from": self.before,
            "edits_added": len(self.added),
            "edits_reverted": len(self.reverted),
            **{name: list(getattr(self, name)) for name in _ONLY_SOME if getattr(self, name)},
        }


def checkout(store: Store, rev: str) -> HeadMove:
    """Move HEAD: onto a branch where ``rev`` names one, else onto the commit itself, off all branches.

    ``-`` and ``@{-n}`` are the branch (or the commit) that HEAD was on before.

    Raises:
        UnknownRevision: no such commit.
    """
    name = _before(store, rev)
    if name in store.refs.branches():
        return switch(store, name)
    return _move_head(store, store.resolve(name), name)


def switch(store: Store, branch: str) -> HeadMove:
    """Move HEAD onto a branch, or with ``-`` onto the one that it was on before.

    Raises:
        UnknownRevision: no such branch.
    """
    name = _before(store, branch)
    if name not in store.refs.branches() and _is_commit(store, name):
        raise UnknownRevision(
            f"'{name}' is a commit and no branch",
            hint=f"`wisedb checkout {name}` looks at it, `wisedb switch --create NAME {name}` makes a branch there.",
        )
    return _move_head(store, BRANCHES + name, name)


def reset(store: Store, rev: str = "HEAD", *, soft: bool = False, hard: bool = False) -> HeadMove:
    """Move the branch that HEAD is on; the reflog and ORIG_HEAD remember where it was.

    What is staged stays staged.

    Args:
        store: the store.
        rev: where to.
        soft: stage what the commits that are taken back brought into force, so that it can be committed anew.
        hard: throw away what is staged.

    Raises:
        UnknownRevision: no such commit.
        UsageError: both ``soft`` and ``hard``.
        ConflictingEdits: what would be staged contradicts what is; nothing has moved.
        RefMoved: another writer moved it meanwhile.
    """
    if soft and hard:
        raise UsageError("a reset is soft or hard", hint="--soft keeps what the commits brought, --hard drops it.")
    before = store.refs.head().commit
    goal = store.resolve(rev)
    with store.lock.hold("reset"):
        staged: tuple[str, ...] = ()
        dropped: tuple[str, ...] = ()
        if soft and before is not None:
            back, _ = changes(_facts(store, goal), _facts(store, before))
            held = {edit.id for edit in store.staging.edits()}
            staged = tuple(edit_id for edit_id in back if edit_id not in held)
            store.staging.add(history.edits_of(store, staged))
        if before is not None:
            store.refs.keep_orig_head(before)
        store.refs.update("HEAD", before, goal, f"reset: moving to {rev}")
        if hard:
            dropped = tuple(edit.id for edit in store.staging.edits())
            store.staging.clear()
    moved = replace(_moved(store, before), staged=staged, dropped=dropped)
    if not soft:
        return moved
    keys = {edit.key for edit in store.staging.edits()}
    back = tuple(edit.id for edit in history.edits_of(store, moved.added) if edit.key not in keys)
    return replace(moved, returned=back)


def _before(store: Store, name: str) -> str:
    """The name itself, or what ``-`` and ``@{-n}`` stand for."""
    if name == "-":
        return previous(store.refs)
    found = _PREVIOUS.fullmatch(name)
    return name if found is None else previous(store.refs, int(found[1]))


def _is_commit(store: Store, name: str) -> bool:
    try:
        store.resolve(name)
    except WisedbError:
        return False
    return True


def _move_head(store: Store, target: str, rev: str) -> HeadMove:
    head = store.refs.head()
    store.refs.set_head(target, f"checkout: moving from {head.branch or head.commit} to {rev}")
    moved = _moved(store, head.commit)
    return moved if head.branch is not None else replace(moved, left=_left(store, head.commit))


def _left(store: Store, commit_id: str | None) -> tuple[str, ...]:
    """The commits behind one that neither HEAD nor any ref leads to."""
    if commit_id is None:
        return ()
    kept = {commit for _, commit in store.refs.items()}
    now = store.refs.head().commit
    tips = tuple(sorted(kept | ({now} if now else set())))
    return tuple(found for found, _ in walk(store.objects, Range((commit_id,), tips)))


def _moved(store: Store, before: str | None) -> HeadMove:
    head = store.refs.head()
    now = str(head.commit)
    added, reverted = changes(_facts(store, before), _facts(store, now))
    return HeadMove(now, head.branch, before, added, reverted)


def _facts(store: Store, commit_id: str | None) -> tuple[str, ...]:
    return () if commit_id is None else in_force_at(store, store.objects.commit(commit_id))
