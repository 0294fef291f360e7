"""Single facts taken out, and all the others kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wisedb.config import EditorChoice
from wisedb.edits import Edit
from wisedb.errors import AmbiguousId, NothingToCommit, UnknownEdit, UnknownRevision, UsageError
from wisedb.progress import Listener
from wisedb.store import history
from wisedb.store.graph import ancestors
from wisedb.store.signature import Signature
from wisedb.versioning.fact_changes import facts_of, plan_fact_changes, without_edits
from wisedb.versioning.land import first_line, read_tip
from wisedb.versioning.planning import NewEdits
from wisedb.versioning.proposal import CommitResult, commit_proposal, propose
from wisedb.versioning.streams import Owned, changes, in_force_at, owner_of, read_streams

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

_PREFIX = re.compile(r"[0-9a-f]{4,64}")
_REVERT = "Revert "


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a revert does.

    Attributes:
        removed: edits that are taken out.
        restored: edits that a named commit put out of force and that are written again.
    """

    removed: tuple[Edit, ...]
    restored: tuple[Edit, ...]


def revert_edits(
    store: Store,
    base: LoadedBase,
    what: Sequence[str],
    signature: Signature | None = None,
    *,
    mainline: int | None = None,
    progress: Listener | None = None,
) -> CommitResult:
    """Take edits out as a new commit.

    The memories that hold them are trained anew from the last version that held none of them; where there is one that
    holds exactly the rest, nothing is trained. All others keep their bytes. An older edit of the same prompt that the
    removed one had superseded is in force again.

    Args:
        store: the store.
        base: its base model, verified; it is left as it was.
        what: ids of edits in force (or prefixes of at least 4 digits), and revisions: all that such a commit changed,
            where it was not changed again since.
        signature: who, when and why; a message that names the edits by default.
        mainline: of a merge, the number of the parent, from 1, to whose facts it goes back; the first by default.
        progress: is told after each edit that has to be trained again.

    Raises:
        UnknownEdit: an id that is no edit in force, and no revision either.
        AmbiguousId: a prefix of several.
        NothingToCommit: what is named changed nothing that is still so.
        UsageError: ``mainline`` is given and a commit has no such parent, or no commit is named.
        RefMoved: another writer landed first; nothing is written.
    """
    tip = read_tip(store)
    choice = tip.commit.choice
    held = read_streams(store, tip.commit, choice)
    reversal = find(store, tip.id, held, what, mainline)
    chosen = signature or Signature("")
    if not chosen.message.strip():
        chosen = replace(chosen, message=_undone(store, what) or describe(reversal))
    removed = [edit.id for edit in reversal.removed]
    restored = _as_written(store, tip.id, reversal.restored, choice)
    proposal = propose(store, tip, choice, restored=restored, removed=removed, held=held)
    return commit_proposal(store, base, proposal, chosen, action="revert", progress=progress)


def find(store: Store, at: str, held: Sequence[Owned], what: Sequence[str], mainline: int | None = None) -> Reversal:
    """Which edits are meant, as seen from a state. Raises as :func:`revert_edits`.

    Args:
        store: the store.
        at: the commit whose state that is.
        held: what the state's memories hold.
        what: see there.
        mainline: see there.
    """
    edits, commits = _named(store, facts_of(held), what)
    if mainline is not None and not commits:
        raise UsageError("a mainline is that of a merge, and no commit is named", hint="Leave it out.")
    removed = {edit.id: edit for edit in edits}
    facts = facts_of(without_edits(held, removed))
    # What the removed edits superseded comes back by itself from the memory's own stream, but not from another's.
    goals: dict[str, Edit | None] = {
        edit.key: earlier for edit in edits if edit.key not in facts and (earlier := _superseded(store, at, edit))
    }
    for commit_id in commits:
        before, after = _changed(store, commit_id, mainline)
        for key in dict.fromkeys([*after, *before]):
            # What was changed again since stays as it is.
            if facts.get(key) == after.get(key):
                if key in after:
                    removed[after[key].id] = after[key]
                goals[key] = before.get(key)
        facts = {key: edit for key, edit in {**facts, **goals}.items() if edit is not None}
    restored, others = plan_fact_changes(without_edits(held, removed), goals)
    removed |= {edit.id: edit for edit in history.edits_of(store, sorted(others))}
    if not removed and not restored:
        raise NothingToCommit("nothing of that is in force any more", hint="'wisedb facts' lists what is in force.")
    return Reversal(tuple(removed.values()), tuple(restored))


def parent_of(commit: Commit, commit_id: str, mainline: int | None) -> str | None:
    """The parent to which a commit is compared: the first unless another is asked for, ``None`` of a first commit.

    Raises:
        UsageError: it has no such parent.
    """
    if mainline is None:
        return commit.parents[0] if commit.parents else None
    if not 1 <= mainline <= len(commit.parents):
        raise UsageError(
            f"{commit_id[:12]} has no parent {mainline}",
            hint=f"It has {len(commit.parents)}; they are counted from 1.",
        )
    return commit.parents[mainline - 1]


def describe(reversal: Reversal) -> str:
    """The message of a revert that was given none."""
    named = [*reversal.removed, *reversal.restored]
    if len(named) == 1:
        return f"{_REVERT}“{named[0].prompt} {named[0].target}”"
    return f"{_REVERT}{len(named)} edits"


def _undone(store: Store, what: Sequence[str]) -> str | None:
    """The message of the revert of a revert, which says so; ``None`` of any other."""
    commit_id = _commit(store, what[0]) if len(what) == 1 else None
    if commit_id is None:
        return None
    commit = store.objects.commit(commit_id)
    # What takes edits out and brings no new record only takes back.
    if len(commit.parents) != 1 or not commit.reverted or commit.edits is not None:
        return None
    line = first_line(commit.message)
    told = line.removeprefix(_REVERT) if line.startswith(_REVERT) else f"what “{line}” took out"
    return f"Reapply {told}\n\nThis reverts {commit_id}, which was a revert."


def _named(store: Store, facts: Mapping[str, Edit], what: Sequence[str]) -> tuple[list[Edit], list[str]]:
    edits: list[Edit] = []
    commits: list[str] = []
    for text in what:
        matches = [edit for edit in facts.values() if edit.id.startswith(text)] if _PREFIX.fullmatch(text) else []
        commit_id = _commit(store, text)
        if len(matches) + (commit_id is not None) > 1:
            raise AmbiguousId(f"'{text}' is the beginning of several ids", hint="Give more digits.")
        edits += matches
        if commit_id is not None:
            commits.append(commit_id)
        elif not matches:
            raise _not_in_force(store, text)
    return edits, commits


def _changed(store: Store, commit_id: str, mainline: int | None) -> tuple[dict[str, Edit], dict[str, Edit]]:
    """Of the prompts that a commit changed: the facts before it and at it."""
    commit = store.objects.commit(commit_id)
    parent = parent_of(commit, commit_id, mainline)
    added, reverted = commit.added, commit.reverted
    if parent is not None and parent != commit.parents[0]:
        added, reverted = changes(in_force_at(store, store.objects.commit(parent)), in_force_at(store, commit))
    before, after = (history.edits_of(store, ids) for ids in (reverted, added))
    return {edit.key: edit for edit in before}, {edit.key: edit for edit in after}


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


def _superseded(store: Store, at: str, edit: Edit) -> Edit | None:
    """The edit that another one put out of force when it came, ``None`` if none was there."""
    # What it replaced says the commit that wrote it first: a rollback or a revert that brought it back puts out of
    # force what it undoes, and that must not return with it.
    wrote = [commit for _, commit in ancestors(store.objects, at) if edit.id in commit.added and commit.edits]
    gone = wrote[-1].reverted if wrote else ()
    return next((other for other in history.edits_of(store, gone) if other.key == edit.key), None)


def _as_written(store: Store, at: str, edits: Sequence[Edit], otherwise: EditorChoice) -> list[NewEdits]:
    """Edits that come back, by the editors that wrote them last."""
    wanted = {edit.id: edit for edit in edits}
    found: list[tuple[EditorChoice, list[Edit]]] = []
    for _, commit in ancestors(store.objects, at) if wanted else ():
        for memory in commit.memories:
            back = [wanted.pop(edit) for edit in store.blob_cache.meta(memory.main)["edits"] if edit in wanted]
            if back:
                found.append((owner_of(store, memory), back))
        if not wanted:
            break
    found.append((otherwise, list(wanted.values())))
    return [NewEdits(choice, tuple(edits)) for choice, edits in found if edits]
