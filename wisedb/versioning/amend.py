"""The newest commit once more: with another message, or with what is staged as well."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wisedb.config import Setting
from wisedb.edits import Edit, distinct
from wisedb.errors import UsageError
from wisedb.progress import Listener
from wisedb.store import history
from wisedb.store.commits import COMMIT_FORMAT
from wisedb.store.signature import Signature
from wisedb.versioning.land import Tip, first_line, land, read_tip
from wisedb.versioning.streams import in_force_at, modern_memories

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store
    from wisedb.versioning.proposal import CommitResult


def amend(
    store: Store,
    load: Callable[[], LoadedBase],
    edits: Sequence[Edit],
    signature: Signature,
    *,
    editor: str | None = None,
    seed: int | None = None,
    settings: Mapping[str, Setting] | None = None,
    strict: bool = False,
    progress: Listener | None = None,
) -> CommitResult:
    """Make a commit that takes the place of the one at HEAD, with the same parents.

    What it learned is kept; edits that come along are trained behind it, and where there are none nothing is trained.

    Args:
        store: the store.
        load: gives the base model, verified; called only where edits come along.
        edits: what comes along.
        signature: message, author and date; those of the commit where they are empty.
        editor, seed, settings, strict: as for a commit, for the edits that come along.
        progress: is told after each edit.

    Raises:
        UsageError: HEAD is at the store's first commit; or how to train is said, and nothing is to be trained.
        ConflictingEdits, UnknownEditor, UnknownSetting, TrainingFailed: as for a commit.
        RefMoved: another writer landed first; nothing has changed.
    """
    tip = read_tip(store)
    if not tip.commit.parents:
        raise UsageError("the store's first commit can't be amended", hint="Make a commit of your own first.")
    signed = Signature(
        signature.message.strip() or tip.commit.message,
        signature.author or tip.commit.author,
        signature.date or tip.commit.date,
        signature.sign,
    )
    force = set(in_force_at(store, tip.commit))
    new = [edit for edit in distinct(edits) if edit.id not in force]
    if not new:
        if editor is not None or seed is not None or settings:
            raise UsageError("how to train is said, and nothing is to be trained", hint="Stage edits, or leave it out.")
        return _reworded(store, tip, signed, [edit.id for edit in edits])
    # Here, so that another message needs no torch.
    from wisedb.versioning.commit import check_commit, choose
    from wisedb.versioning.proposal import commit_proposal, propose

    check_commit(store, new, signed, editor, settings)
    base = load()
    proposal = propose(store, tip, choose(store, base, tip.commit, editor, seed, settings), new=new)
    brought = history.edits_of(store, _brought(store, tip))
    proposal = replace(proposal, parents=tip.commit.parents, records=(*brought, *new), amends=True)
    ids = [edit.id for edit in edits]
    return commit_proposal(
        store, base, proposal, signed, action="commit (amend)", unstage=ids, strict=strict, progress=progress
    )


def _brought(store: Store, tip: Tip) -> list[str]:
    """The ids of the edits whose records the commit brought along."""
    if tip.commit.edits is None:
        return []
    return list(store.blob_cache.meta(tip.commit.edits)["edits"])


def _reworded(store: Store, tip: Tip, signature: Signature, unstage: Sequence[str]) -> CommitResult:
    from wisedb.versioning.proposal import CommitResult

    started = time.perf_counter()
    author, date, message = signature.checked()
    old = tip.commit
    # In the present format, whatever the old one was written in.
    commit = replace(
        old,
        author=author,
        date=date,
        message=message,
        base=replace(old.base, target=None),
        editor=old.choice,
        memories=modern_memories(store, old),
        format=COMMIT_FORMAT,
    )
    landed = land(
        store, tip, commit, action=f"commit (amend): {first_line(message)}", unstage=unstage, sign=signature.sign
    )
    scores = commit.scores or {}
    return CommitResult(
        commit=landed.id,
        parents=commit.parents,
        branch=landed.branch,
        added=commit.added,
        reverted=commit.reverted,
        known=commit.known,
        again=commit.again,
        unlearned=commit.unlearned,
        seconds=time.perf_counter() - started,
        seconds_per_edit=0.0,
        bytes_written=landed.bytes_written,
        reliability=scores.get("reliability"),
    )
