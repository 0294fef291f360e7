"""One fact's life: every commit that gave a prompt another answer, newest first. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wisedb.edits import Edit, normalise_prompt
from wisedb.errors import AmbiguousId, UnknownEdit
from wisedb.store import history
from wisedb.store.graph import ancestors
from wisedb.versioning.streams import in_force_at

if TYPE_CHECKING:
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

ADDED: Final = "added"
CHANGED: Final = "changed"
REVERTED: Final = "reverted"


@dataclass(frozen=True, slots=True)
class FactEvent:
    """One turn in a fact's life.

    Attributes:
        commit: the commit's id.
        record: the commit itself.
        action: ``added`` where no edit was in force, ``changed`` where a new one took another's place, ``reverted``
            where one was taken out, whether or not an older one came back by that.
        edit: what the turn is about: the edit that came, or that was taken out.
        was: the edit in force before, ``None`` without one.
        now: the edit in force afterwards, ``None`` without one.
    """

    commit: str
    record: Commit
    action: str
    edit: Edit
    was: Edit | None
    now: Edit | None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb log --fact --json`` prints it."""
        return {
            "commit": self.commit,
            "date": self.record.date,
            "author": self.record.author,
            "message": self.record.message,
            "action": self.action,
            "target": self.edit.target,
            "reason": self.edit.reason,
            "source": self.edit.source,
            "edit": self.edit.id,
            "prompt": self.edit.prompt,
            "was": None if self.was is None else self.was.target,
            "now": None if self.now is None else self.now.target,
        }


@dataclass(frozen=True, slots=True)
class EditDetails:
    """Everything about one edit.

    Attributes:
        edit: the edit.
        in_force: whether it is in force at HEAD.
        staged: whether it is staged.
        life: its fact's life in HEAD's history, newest first.
    """

    edit: Edit
    in_force: bool
    staged: bool
    life: tuple[FactEvent, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb show EDIT --json`` prints it."""
        return {
            "edit": self.edit.to_json(),
            "in_force": self.in_force,
            "staged": self.staged,
            "life": [event.to_json() for event in self.life],
        }


def fact_life(store: Store, what: str, rev: str = "HEAD") -> list[FactEvent]:
    """The life of one fact in the history of a revision, newest first.

    A merge is no turn: it takes over what happened on the merged line, where that is told.

    Args:
        store: the store.
        what: the fact's prompt, a rephrase of it, or the id of one of its edits (4 or more digits).
        rev: whose history.

    Raises:
        UnknownEdit: no edit of the whole history has that prompt or id; the hint names those that look alike.
        AmbiguousId: the beginning of the ids of several facts.
        UnknownRevision: there is no such commit.
    """
    edits = {edit.id: edit for edit in _edits_of_fact(store, what, rev)}
    turns = [
        (commit_id, commit, _only(edits, commit.added), _only(edits, commit.reverted))
        for commit_id, commit in ancestors(store.objects, store.resolve(rev))
    ]
    events: list[FactEvent] = []
    seen: set[str] = set()
    for commit_id, commit, now, was in reversed(turns):
        if (now is None and was is None) or _merged(store, commit, edits, now):
            continue
        if now is not None and now.id not in seen:
            events.append(FactEvent(commit_id, commit, ADDED if was is None else CHANGED, now, was, now))
        elif (about := was or now) is not None:
            events.append(FactEvent(commit_id, commit, REVERTED, about, was, now))
        if now is not None:
            seen.add(now.id)
    return events[::-1]


def show_edit(store: Store, edit_id: str) -> EditDetails:
    """One edit in full: of the history, or staged.

    Raises:
        UnknownEdit, AmbiguousId: as :func:`wisedb.store.search.edit`.
    """
    staged = [edit for edit in store.staging.edits() if len(edit_id) >= 4 and edit.id.startswith(edit_id.lower())]
    try:
        edit = history.edit(store, edit_id)
    except UnknownEdit:
        if len(staged) != 1:
            raise
        edit = staged[0]
    head = store.refs.head().commit
    force = head is not None and edit.id in in_force_at(store, store.objects.commit(head))
    told = bool(history.edits_with_key(store, edit.key))
    return EditDetails(edit, force, edit in staged, tuple(fact_life(store, edit.id)) if told else ())


def _edits_of_fact(store: Store, what: str, rev: str) -> list[Edit]:
    try:
        key = history.edit(store, what).key
    except AmbiguousId:
        if not history.edits_with_key(store, normalise_prompt(what)):
            raise
        key = normalise_prompt(what)
    except UnknownEdit:
        key = normalise_prompt(what)
    found = history.edits_with_key(store, key)
    if found:
        return found
    near = history.blame(store, what, rev)
    if near.edit is not None:
        return history.edits_with_key(store, near.edit.key)
    alike = ", ".join(repr(edit.prompt) for edit, _, _ in near.candidates[:3])
    raise UnknownEdit(
        f"no edit has the prompt {what!r}, or an id that begins so",
        hint=f"Alike are: {alike}." if alike else "`wisedb search TEXT` and `wisedb facts` list edits.",
    )


def _only(edits: dict[str, Edit], ids: Iterable[str]) -> Edit | None:
    return next((edits[edit_id] for edit_id in ids if edit_id in edits), None)


def _merged(store: Store, commit: Commit, edits: dict[str, Edit], now: Edit | None) -> bool:
    """Whether a merge only took over what another line had."""
    for parent in commit.parents[1:]:
        there = _only(edits, in_force_at(store, store.objects.commit(parent)))
        if (there and there.id) == (now and now.id):
            return True
    return False
