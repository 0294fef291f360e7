"""An earlier state again, as a new commit. No torch: memories are only listed anew, never trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from wisedb.errors import NothingToCommit
from wisedb.store.commits import Commit
from wisedb.store.graph import is_ancestor
from wisedb.store.signature import Signature
from wisedb.versioning.head import HeadMove
from wisedb.versioning.land import first_line, land, read_tip
from wisedb.versioning.streams import changes, edits_blob, in_force_at, modern_memories, read_streams

if TYPE_CHECKING:
    from wisedb.store.store import Store


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
    blobs = () if blob is None else (blob,)
    landed = land(store, tip, commit, action=f"rollback: {first_line(message)}", blobs=blobs, sign=chosen.sign)
    return HeadMove(landed.id, landed.branch, tip.id, added, reverted)


def _blobs(commit: Commit) -> list[tuple[str, Mapping[str, str]]]:
    return [(memory.id, memory.blobs) for memory in commit.memories]
