"""What it takes to take a fact out again, and whether that is all that happens."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.progress import Listener
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.disable import EDITS, evenly
from wisedb.serving.replies import edit_answers
from wisedb.store.signature import Signature
from wisedb.versioning.head import reset
from wisedb.versioning.revert import revert_edits

if TYPE_CHECKING:
    from wisedb.edits import Edit
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Undone:
    """One edit reverted.

    Attributes:
        seconds: of the revert, with whatever it had to train again.
        restored: whether the answer to it is the unedited model's again, word for word.
        kept: share of the other edits asked (at most :data:`wisedb.serving.disable.EDITS`) whose answer stayed, word
            for word; ``None`` where there is no other.
    """

    seconds: float
    restored: bool
    kept: float | None


def undo(
    store: Store,
    base: LoadedBase,
    commit_id: str,
    stream: Sequence[Edit],
    seed: int,
    author: str,
    *,
    chat: bool = False,
    progress: Listener | None = None,
) -> Undone:
    """Revert one edit at a commit, chosen by the seed; afterwards the branch stands where it stood.

    Args:
        store: the store; a branch is checked out.
        base: its base model; it is left as it was.
        commit_id: where the edits are in force.
        stream: the edits.
        seed: chooses which.
        author: of the revert, which nothing refers to afterwards.
        chat: ask everything behind the chat template.
        progress: is told about what is trained again.
    """
    tip = store.resolve("HEAD")
    chosen = stream[random.Random(seed).randrange(len(stream))]
    others = evenly([edit for edit in stream if edit is not chosen], EDITS)

    def said(rev: str | None) -> list[str]:
        commit = None if rev is None else store.objects.commit(rev)
        with attached_at_commit(store, base, commit) as handle:
            return [answer.text for answer in edit_answers(base, [chosen, *others], handle, chat=chat)]

    plain, before = said(None), said(commit_id)
    try:
        reset(store, commit_id)
        started = time.perf_counter()
        made = revert_edits(store, base, [chosen.id], Signature(f"Revert {chosen.id[:8]}", author), progress=progress)
        seconds = time.perf_counter() - started
        after = said(made.commit)
    finally:
        reset(store, tip)
    same = [one == other for one, other in zip(before[1:], after[1:], strict=True)]
    return Undone(seconds, after[0] == plain[0], sum(same) / len(same) if same else None)
