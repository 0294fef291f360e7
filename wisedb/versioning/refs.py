"""Where HEAD, branches and tags point, and how they move. No torch: memories are only listed anew, never trained."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from wisedb.errors import NothingToCommit, NotMerged, UnknownRevision, UsageError, WisedbError
from wisedb.store import history
from wisedb.store.commits import Commit
from wisedb.store.dates import utc_now
from wisedb.store.graph import is_ancestor
from wisedb.store.ranges import Range, walk
from wisedb.store.refnames import BRANCHES, TAGS
from wisedb.store.revisions import previous
from wisedb.store.signature import Signature
from wisedb.store.tag_notes import TagNote
from wisedb.store.upstream import forget_upstream, move_upstream, upstream_of
from wisedb.versioning.land import first_line, land, read_tip
from wisedb.versioning.streams import changes, edits_blob, in_force_at, modern_memories, read_streams

if TYPE_CHECKING:
    from wisedb.store.reflog import RefMove
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


def branches(store: Store) -> list[NamedRef]:
    """All branches, by name."""
    return [NamedRef(name, commit) for name, commit in store.refs.branches().items()]


def tags(store: Store) -> list[NamedRef]:
    """All tags, by name."""
    return [NamedRef(name, commit) for name, commit in store.refs.tags().items()]


def branch(
    store: Store,
    name: str,
    rev: str = "HEAD",
    *,
    delete: bool = False,
    only_merged: bool = False,
    force: bool = False,
) -> list[NamedRef]:
    """Make or delete a branch; all branches afterwards.

    Args:
        store: the store.
        name: the branch.
        rev: where it is made.
        delete: delete it.
        only_merged: delete it only if its upstream branch, or HEAD where it has none, has all of its commits.
        force: make it even where there is one, which then moves.

    Raises:
        RefExists: a branch of that name is there, or HEAD is on the one to delete.
        NotMerged: ``only_merged``, and it isn't.
        UnknownRevision: no such commit, or no such branch to delete.
        InvalidRefName: the name is not one.
    """
    if delete and only_merged:
        _check_merged(store, name)
    _make_or_delete(store, BRANCHES + name, rev, delete, force, "branch")
    if delete:
        forget_upstream(store, name)
    return branches(store)


def rename(store: Store, old: str | None, new: str, *, force: bool = False) -> list[NamedRef]:
    """Give a branch another name, the current one where none is named; all branches afterwards.

    Raises:
        UsageError: HEAD is on no branch, and none is named.
        UnknownRevision, RefExists, InvalidRefName: as :meth:`wisedb.store.refs.Refs.rename_branch`.
    """
    name = store.refs.head().branch if old is None else old
    if name is None:
        raise UsageError("HEAD is on no branch", hint="Name the branch that is to be called otherwise.")
    store.refs.rename_branch(name, new, force=force)
    move_upstream(store, name, new)
    return branches(store)


def tag(
    store: Store,
    name: str,
    rev: str = "HEAD",
    *,
    delete: bool = False,
    force: bool = False,
    note: tuple[str, str] | None = None,
) -> list[NamedRef]:
    """Make or delete a tag, or move one with ``force``; all tags afterwards. Raises as :func:`branch`.

    Args:
        store: the store.
        name: the tag.
        rev: what it names.
        delete: delete it, and its note.
        force: move one that is there.
        note: (who makes it, why) of an annotated tag.
    """
    _make_or_delete(store, TAGS + name, rev, delete, force, "tag")
    commit = store.refs.read(TAGS + name)
    kept = None if note is None or commit is None else TagNote(commit, note[0], utc_now(), note[1].strip())
    store.tag_notes.write(name, kept)
    return tags(store)


def reflog(store: Store, ref: str = "HEAD") -> list[RefMove]:
    """The moves of HEAD or of a branch, newest first.

    Args:
        store: the store.
        ref: ``HEAD``, a branch or tag, or a ref's full name.
    """
    full = ref if ref == "HEAD" or ref.startswith("refs/") else BRANCHES + ref
    return store.refs.reflog(full)


def _make_or_delete(store: Store, ref: str, rev: str, delete: bool, force: bool, action: str) -> None:
    if delete:
        store.refs.delete(ref, f"{action}: deleted")
    else:
        store.refs.create(ref, store.resolve(rev), f"{action}: created at {rev}", force=force)


def _check_merged(store: Store, name: str) -> None:
    commit, upstream = store.refs.read(BRANCHES + name), upstream_of(store, name)
    if commit is None:
        return
    there = None if upstream is None else store.refs.read(upstream.ref)
    kept_by = [goal for goal in (store.refs.head().commit if there is None else there,) if goal is not None]
    if not any(is_ancestor(store.objects, commit, goal) for goal in kept_by):
        raise NotMerged(
            f"branch '{name}' is not fully merged: its last commit is {commit[:12]}",
            hint=f"`wisedb merge {name}` first, or `wisedb branch -D {name}` deletes it all the same.",
        )


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
