"""Single facts taken out, and all the others kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wisedb.edits import Edit
from wisedb.errors import AmbiguousId, NothingToCommit, UnknownEdit, UnknownRevision
from wisedb.progress import Listener
from wisedb.runtime.apply import CommitResult, change, propose
from wisedb.runtime.record import Signature, read_tip
from wisedb.runtime.streams import in_force
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.runtime.base import LoadedBase
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

_PREFIX = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a revert does.

    Attributes:
        removed: edits in force that are taken out.
        restored: edits that a named commit put out of force and that come back.
    """

    removed: tuple[Edit, ...]
    restored: tuple[Edit, ...]


def revert_edits(
    store: Store,
    base: LoadedBase,
    what: Sequence[str],
    signature: Signature | None = None,
    *,
    progress: Listener | None = None,
) -> CommitResult:
    """Take edits out as a new commit.

    The memories that hold them are trained anew from the last version that held none of them; where there is one that
    holds exactly the rest, nothing is trained. All others keep their bytes. An older edit of the same prompt that the
    removed one had superseded is in force again.

    Args:
        store: the store.
        base: its base model, verified; it is left as it was.
        what: ids of edits in force (or prefixes of at least 4 digits), and revisions: all that such a commit changed.
        signature: who, when and why; a message that names the edits by default.
        progress: is told after each edit that has to be trained again.

    Raises:
        UnknownEdit: an id that is no edit in force, and no revision either.
        AmbiguousId: a prefix of several.
        NothingToCommit: what is named changed nothing that is still so.
        RefMoved: another writer landed first; nothing is written.
    """
    tip = read_tip(store)
    reversal = find(store, tip.commit, what)
    chosen = signature or Signature("")
    if not chosen.message.strip():
        chosen = replace(chosen, message=describe(reversal))
    proposal = propose(
        store,
        tip,
        tip.commit.editor,
        new=reversal.restored,
        removed=[edit.id for edit in reversal.removed],
    )
    return change(store, base, proposal, chosen, action="revert", progress=progress)


def find(store: Store, state: Commit, what: Sequence[str]) -> Reversal:
    """Which edits are meant. Raises as :func:`revert_edits`."""
    held = dict.fromkeys(in_force(store, state))
    removed: dict[str, None] = {}
    restored: dict[str, None] = {}
    for text in what:
        matches = [edit_id for edit_id in held if edit_id.startswith(text)] if _PREFIX.fullmatch(text) else []
        commit_id = _commit(store, text)
        if len(matches) + (commit_id is not None) > 1:
            raise AmbiguousId(f"'{text}' is the beginning of several ids", hint="Give more digits.")
        if matches:
            removed[matches[0]] = None
        elif commit_id is not None:
            commit = store.objects.commit(commit_id)
            removed.update((edit_id, None) for edit_id in commit.added if edit_id in held)
            restored.update((edit_id, None) for edit_id in commit.reverted if edit_id not in held)
        else:
            raise _not_in_force(store, text)
    old = {edit.id: edit for edit in history.edits_of(store, [*removed, *restored])}
    remaining = {edit.key for edit in history.edits_of(store, [edit_id for edit_id in held if edit_id not in removed])}
    # What the removed edits superseded comes back by itself, from the memory's own stream.
    covered = {old[edit_id].key for edit_id in removed} | remaining
    reversal = Reversal(
        tuple(old[edit_id] for edit_id in removed),
        tuple(old[edit_id] for edit_id in restored if old[edit_id].key not in covered),
    )
    if not reversal.removed and not reversal.restored:
        raise NothingToCommit("nothing of that is in force any more", hint="'wisedb facts' lists what is in force.")
    return reversal


def describe(reversal: Reversal) -> str:
    """The message of a revert that was given none."""
    named = [*reversal.removed, *reversal.restored]
    if len(named) == 1:
        return f"Revert “{named[0].prompt} {named[0].target}”"
    return f"Revert {len(named)} edits"


def _commit(store: Store, text: str) -> str | None:
    try:
        return store.resolve(text)
    except UnknownRevision:
        return None


def _not_in_force(store: Store, text: str) -> UnknownEdit:
    try:
        edit = history.edit(store, text)
    except (UnknownEdit, AmbiguousId):
        return UnknownEdit(
            f"'{text}' is no edit in force and no commit",
            hint="'wisedb facts' lists those in force.",
        )
    return UnknownEdit(
        f"edit {edit.id[:12]} (“{edit.prompt}”) is not in force", hint="'wisedb blame' shows which edit is."
    )
