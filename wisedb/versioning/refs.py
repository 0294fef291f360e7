"""Where HEAD, branches and tags point, and how they move. No torch: memories are only listed anew, never trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.errors import NothingToCommit
from wisedb.store.commits import Commit
from wisedb.store.graph import is_ancestor
from wisedb.store.refnames import BRANCHES, TAGS
from wisedb.store.signature import Signature
from wisedb.versioning.land import first_line, land, read_tip
from wisedb.versioning.streams import changes, edits_blob, in_force_at, modern_memories, read_streams

if TYPE_CHECKING:
    from wisedb.store.reflog import RefMove
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class HeadMove:
    """Where HEAD is after a move.

    Attributes:
        head: the commit.
        branch: the branch that HEAD is on, ``None`` where it is on a commit.
        before: the commit that HEAD was at.
        added: edits in force now and not before.
        reverted: edits in force before and not now.
    """

    head: str
    branch: str | None
    before: str | None
    added: tuple[str, ...]
    reverted: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``checkout``, ``switch``, ``reset``, ``rollback`` and ``revert`` print it."""
        return {
            "head": self.head,
            "commit": self.head,
            "branch": self.branch,
            "from": self.before,
            "edits_added": len(self.added),
            "edits_reverted": len(self.reverted),
        }


def rollback(store: Store, rev: str, signature: Signature | None = None) -> HeadMove:
    """The state of ``rev`` again, as a new commit on top: the same blobs, so the same bits, and nothing is trained.

    Raises:
        UnknownRevision: no such commit.
        NothingToCommit: the state is that of ``rev`` already.
        RefMoved: another writer landed first; nothing is written.
    """
    tip = read_tip(store)
    goal_id = store.resolve(rev)
    goal = store.objects.commit(goal_id)
    if _blobs(goal) == _blobs(tip.commit):
        raise NothingToCommit(f"the state is that of {goal_id[:12]} already", hint="'wisedb log' shows the others.")
    chosen = signature or Signature("")
    if not chosen.message.strip():
        chosen = replace(chosen, message=f"Roll back to {goal_id[:12]}: {first_line(goal.message)}")
    author, date, message = chosen.checked()
    added, reverted = changes(in_force_at(store, tip.commit), in_force_at(store, goal))
    blob = None
    if not is_ancestor(store.objects, goal_id, tip.id):
        # The records of another branch's edits: that branch may be deleted one day.
        held = [item for owned in read_streams(store, goal) for item in owned.held.stream]
        edits = {edit.id: edit for item in held for edit in (item.edit, *item.companions)}
        blob = edits_blob(list(edits.values())) if edits else None
    commit = Commit(
        parents=(tip.id,),
        author=author,
        date=date,
        message=message,
        base=replace(goal.base, target=None).published,
        editor=goal.choice,
        edits=None if blob is None else blob.id,
        added=added,
        reverted=reverted,
        memories=modern_memories(store, goal),
    )
    landed = land(store, tip, commit, action=f"rollback: {first_line(message)}", blobs=() if blob is None else (blob,))
    return HeadMove(landed.id, landed.branch, tip.id, added, reverted)


def _blobs(commit: Commit) -> list[tuple[str, Mapping[str, str]]]:
    return [(memory.id, memory.blobs) for memory in commit.memories]


@dataclass(frozen=True, slots=True)
class NamedRef:
    """A branch or a tag.

    Attributes:
        name: its name, without ``refs/heads/``.
        commit: where it points.
    """

    name: str
    commit: str

    def to_json(self) -> dict[str, str]:
        """``{"name", "commit"}``."""
        return {"name": self.name, "commit": self.commit}


def checkout(store: Store, rev: str) -> HeadMove:
    """Move HEAD: onto a branch where ``rev`` names one, else onto the commit itself, off all branches.

    Raises:
        UnknownRevision: no such commit.
    """
    if rev in store.refs.branches():
        return switch(store, rev)
    return _move_head(store, store.resolve(rev), rev)


def switch(store: Store, branch: str) -> HeadMove:
    """Move HEAD onto a branch.

    Raises:
        UnknownRevision: no such branch.
    """
    return _move_head(store, BRANCHES + branch, branch)


def reset(store: Store, rev: str) -> HeadMove:
    """Move the branch that HEAD is on; the reflog remembers where it was.

    Raises:
        UnknownRevision: no such commit.
        RefMoved: another writer moved it meanwhile.
    """
    before = store.refs.head().commit
    goal = store.resolve(rev)
    store.refs.update("HEAD", before, goal, f"reset: moving to {rev}")
    return _moved(store, before)


def branches(store: Store) -> list[NamedRef]:
    """All branches, by name."""
    return [NamedRef(name, commit) for name, commit in store.refs.branches().items()]


def tags(store: Store) -> list[NamedRef]:
    """All tags, by name."""
    return [NamedRef(name, commit) for name, commit in store.refs.tags().items()]


def branch(store: Store, name: str, rev: str = "HEAD", *, delete: bool = False) -> list[NamedRef]:
    """Make or delete a branch; all branches afterwards.

    Raises:
        RefExists: a branch of that name is there, or HEAD is on the one to delete.
        UnknownRevision: no such commit, or no such branch to delete.
        InvalidRefName: the name is not one.
    """
    _make_or_delete(store, BRANCHES + name, rev, delete, "branch")
    return branches(store)


def tag(store: Store, name: str, rev: str = "HEAD", *, delete: bool = False) -> list[NamedRef]:
    """Make or delete a tag; all tags afterwards. Raises as :func:`branch`."""
    _make_or_delete(store, TAGS + name, rev, delete, "tag")
    return tags(store)


def reflog(store: Store, ref: str = "HEAD") -> list[RefMove]:
    """The moves of HEAD or of a branch, newest first.

    Args:
        store: the store.
        ref: ``HEAD``, a branch or tag, or a ref's full name.
    """
    full = ref if ref == "HEAD" or ref.startswith("refs/") else BRANCHES + ref
    return store.refs.reflog(full)


def _make_or_delete(store: Store, ref: str, rev: str, delete: bool, action: str) -> None:
    if delete:
        store.refs.delete(ref, f"{action}: deleted")
    else:
        store.refs.create(ref, store.resolve(rev), f"{action}: created at {rev}")


def _move_head(store: Store, target: str, rev: str) -> HeadMove:
    before = store.refs.head().commit
    store.refs.set_head(target, f"checkout: moving to {rev}")
    return _moved(store, before)


def _moved(store: Store, before: str | None) -> HeadMove:
    head = store.refs.head()
    now = str(head.commit)
    added, reverted = changes(_facts(store, before), _facts(store, now))
    return HeadMove(now, head.branch, before, added, reverted)


def _facts(store: Store, commit_id: str | None) -> tuple[str, ...]:
    return () if commit_id is None else in_force_at(store, store.objects.commit(commit_id))
