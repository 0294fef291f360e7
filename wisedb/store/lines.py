"""Since when an edit is in force, as seen from a commit: through merges to where it was made."""

from __future__ import annotations

from collections.abc import Mapping

from wisedb.store.index.fill import numbers
from wisedb.store.index.session import Session


def since_all(session: Session, commit: int, edits: Mapping[int, int]) -> dict[int, int]:
    """Place → the commit that brought the edit at that place into force."""
    changes: dict[int, dict[int, bool]] = {edit: {} for edit in edits.values()}
    rows = session.rows(
        """SELECT edit, commit, action FROM whole_changes
        WHERE action <> 'recorded' AND edit IN (SELECT unnest($1::VARCHAR::INTEGER[]))""",
        [numbers(changes)],
    )
    for edit, at, action in rows:
        changes[edit][at] = action == "added"
    found = {place: _since(session, commit, changes[edit]) for place, edit in edits.items()}
    return {place: began for place, began in found.items() if began is not None}


def _since(session: Session, commit: int, changes: Mapping[int, bool]) -> int | None:
    """The commit that brought an edit into force as seen from ``commit``, ``None`` if it is not in force there."""
    began: int | None = None
    following: int | None = commit
    while following is not None:
        changed = next((number for number in session.line(following) if number in changes), None)
        if changed is None or not changes[changed]:
            return began
        began = changed
        # A merge takes over what was in force on the merged line: go there.
        following = next((parent for parent in session.merged(changed) if _holds(session, parent, changes)), None)
    return began


def _holds(session: Session, commit: int, changes: Mapping[int, bool]) -> bool:
    return next((changes[number] for number in session.line(commit) if number in changes), False)
