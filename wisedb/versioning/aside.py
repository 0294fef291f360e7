"""Edits put aside and taken up again, and facts brought back as they were. No torch: all of it is staging."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wisedb.edits import Edit, normalise_prompt
from wisedb.errors import NothingToCommit, UnknownEdit
from wisedb.store import history
from wisedb.store.dates import utc_now
from wisedb.store.stash import Stashed

if TYPE_CHECKING:
    from wisedb.store.store import Store


def put_aside(store: Store, message: str = "") -> Stashed:
    """Take all staged edits out of the next commit and keep them in the stash.

    Raises:
        NothingToCommit: nothing is staged.
        CorruptObject, StoreBusy, NoSpace, StoreNotWritable: the edits are still staged.
    """
    with store.lock.hold("putting edits aside"):
        edits = tuple(store.staging.edits())
        if not edits:
            raise NothingToCommit(
                "nothing is staged that could be put aside", hint="'wisedb status' shows what is staged."
            )
        head = store.refs.head()
        said = message.strip() or f"on {head.branch or (head.commit or '')[:12]}: {edits[0].shown} {edits[0].target}"
        entry = Stashed(said, head.branch, head.commit, utc_now(), edits)
        store.stash.push(entry)
        store.staging.clear()
    return entry


def take_up(store: Store, number: int = 0, *, keep: bool = False) -> Stashed:
    """Stage again what was put aside.

    Args:
        store: the store.
        number: which, from 0, the newest.
        keep: leave it in the stash, too.

    Raises:
        UnknownRevision: there are not so many.
        ConflictingEdits: it contradicts what is staged; it stays in the stash.
    """
    with store.lock.hold("taking up what was put aside"):
        entry = store.stash.entry(number)
        store.staging.add(entry.edits)
        if not keep:
            store.stash.drop(number)
    return entry


def restore(store: Store, prompts: Sequence[str], source: str = "HEAD") -> list[Edit]:
    """Stage facts as they were in force at a commit; returns these edits.

    Args:
        store: the store.
        prompts: prompts, or ids of edits in force there.
        source: the commit.

    Raises:
        UnknownEdit: nothing is in force there for a prompt.
        UnknownRevision: there is no such commit.
        ConflictingEdits: another edit of that prompt is staged; nothing was staged.
    """
    there = history.facts(store, source)
    by_key = {edit.key: edit for edit in there}
    found: list[Edit] = []
    for text in prompts:
        edit = by_key.get(normalise_prompt(text))
        if edit is None:
            ids = [each for each in there if len(text) >= 4 and each.id.startswith(text.lower())]
            edit = ids[0] if len(ids) == 1 else None
        if edit is None:
            raise UnknownEdit(
                f"no fact in force at '{source}' has the prompt {text!r}, or an id that begins so",
                hint=f"`wisedb facts {source}` lists them; `wisedb revert` takes out what came later.",
            )
        found.append(edit)
    store.staging.add(found)
    return found
