"""From a state that is planned to a commit: train, measure, land. What every verb that trains goes through."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.config import EditorChoice
from wisedb.editors.registry import bind
from wisedb.edits import Edit
from wisedb.progress import Listener
from wisedb.serving.asked import question
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.attached import attached
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.known import said_already
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.score import pairs_of, score
from wisedb.store.commits import Commit
from wisedb.store.memory_entry import MemoryEntry
from wisedb.store.signature import Signature
from wisedb.versioning import planning
from wisedb.versioning.land import Tip, first_line, land
from wisedb.versioning.planning import NewEdits, Plan
from wisedb.versioning.streams import Owned, changes, edits_blob, in_force_at, read_streams
from wisedb.versioning.train import Written, write

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class CommitResult:
    """A commit that was just made.

    Attributes:
        commit: its id.
        parents: what it continues.
        branch: the branch that it moved, ``None`` where HEAD was on a commit.
        added: the edits that came into force.
        reverted: the edits that went out of force: superseded, or taken out.
        known: those of ``added`` that the model answered so already.
        unlearned: those of ``added`` of which not every target token is the argmax afterwards, or of which their editor
            says so (of a chat model's, in each of its replies): more steps may help.
        seconds: how long it all took.
        seconds_per_edit: training alone, for each edit trained; 0 where none was.
        bytes_written: what the store's objects grew by.
        reliability: of the edits that came into force, measured afterwards: mean share of target tokens that are the
            argmax; ``None`` where none came.
    """

    commit: str
    parents: tuple[str, ...]
    branch: str | None
    added: tuple[str, ...]
    reverted: tuple[str, ...]
    known: tuple[str, ...]
    unlearned: tuple[str, ...]
    seconds: float
    seconds_per_edit: float
    bytes_written: int
    reliability: float | None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb commit --json`` prints it."""
        return {
            "commit": self.commit,
            "parents": list(self.parents),
            "branch": self.branch,
            "edits_added": len(self.added),
            "edits_reverted": len(self.reverted),
            "known": list(self.known),
            "unlearned": list(self.unlearned),
            "seconds": self.seconds,
            "seconds_per_edit": self.seconds_per_edit,
            "bytes_written": self.bytes_written,
            "reliability": self.reliability,
        }


@dataclass(frozen=True, slots=True)
class Proposal:
    """A state that is planned and not trained yet: what commit, revert, merge and cherry-pick share.

    Attributes:
        tip: where it lands.
        choice: the editor of the commit, its settings and its seed.
        parents: what the commit continues, the tip first.
        memories: those from which the plans go on.
        held: what these hold, in the same order.
        plans: the memories that change.
        records: edits whose records the commit brings along: those that its parents' history may lack.
        pending: blobs of ``memories`` that aren't in the store yet, ``None`` where all are.
        amends: the commit takes the tip's place: what it changed is told from its first parent.
    """

    tip: Tip
    choice: EditorChoice
    parents: tuple[str, ...]
    memories: tuple[MemoryEntry, ...]
    held: tuple[Owned, ...]
    plans: tuple[Plan, ...]
    records: tuple[Edit, ...]
    pending: PendingBlobs | None = None
    amends: bool = False

    def in_force(self) -> dict[str, Edit]:
        """Id → edit, of those in force afterwards, memory by memory."""
        return planning.in_force_after(self.held, self.plans)

    def in_chats(self) -> frozenset[str]:
        """The ids of edits that are written behind the chat template and nowhere else: so they are measured."""
        found: set[str] = set()
        for plan in self.plans:
            chat_only = bind(plan.owner).chat_only()
            found.update(item.edit.id for item in plan.planned.stream if chat_only or item.edit.messages)
        return frozenset(found)


def propose(
    store: Store,
    tip: Tip,
    choice: EditorChoice,
    *,
    new: Sequence[Edit] = (),
    restored: Sequence[NewEdits] = (),
    removed: Collection[str] = (),
    held: Sequence[Owned] | None = None,
) -> Proposal:
    """Plan to write and to take out edits at the tip.

    Args:
        store: the store.
        tip: whose state changes.
        choice: how new memories are begun.
        new: edits to write.
        restored: edits to write once more, as they were written before.
        removed: ids of edits to take out.
        held: what the tip's memories hold, if that was read already.
    """
    there = read_streams(store, tip.commit, choice) if held is None else held
    plans = planning.plan(there, [NewEdits(choice, tuple(new)), *restored], removed)
    records = (*new, *(edit for each in restored for edit in each.edits))
    return Proposal(tip, choice, (tip.id,), tip.commit.memories, tuple(there), tuple(plans), records)


def commit_proposal(
    store: Store,
    base: LoadedBase,
    proposal: Proposal,
    signature: Signature,
    *,
    action: str,
    unstage: Sequence[str] = (),
    progress: Listener | None = None,
) -> CommitResult:
    """Train, measure and land a proposal, in one transaction.

    Raises:
        UsageError: the signature has no message.
        TrainingFailed: see the editor.
        RefMoved: another writer landed first; nothing is written.
    """
    started = time.perf_counter()
    author, date, message = signature.checked()
    tip = proposal.tip
    before = store.objects.commit(proposal.parents[0]) if proposal.amends else tip.commit
    after = proposal.in_force()
    added, reverted = changes(in_force_at(store, before), after)

    training = time.perf_counter()
    written = write(
        store,
        base,
        proposal.memories,
        (tip.id,) if proposal.amends else proposal.parents,
        proposal.plans,
        after,
        pending=proposal.pending,
        progress=progress,
    )
    training = time.perf_counter() - training
    # Behind the training, which refuses edits that this model can't be asked.
    chats = proposal.in_chats()
    known = _known(store, base, before, [after[edit_id] for edit_id in added], chats)
    shares = _shares(store, base, written, [after[edit_id] for edit_id in added], chats)
    reliability = sum(shares) / len(shares) if shares else None
    blob = edits_blob(proposal.records) if proposal.records else None
    commit = Commit(
        parents=proposal.parents,
        author=author,
        date=date,
        message=message,
        base=store.config.base.published,
        editor=proposal.choice,
        edits=None if blob is None else blob.id,
        added=added,
        reverted=reverted,
        known=known,
        memories=written.memories,
        scores=None if reliability is None else {"reliability": reliability},
    )
    landed = land(
        store,
        tip,
        commit,
        action=f"{action}: {first_line(message)}",
        blobs=[*written.pending.blobs.values(), *(() if blob is None else (blob,))],
        delta_bases=written.pending.delta_bases,
        unstage=unstage,
    )
    return CommitResult(
        commit=landed.id,
        parents=landed.commit.parents,
        branch=landed.branch,
        added=added,
        reverted=reverted,
        known=known,
        unlearned=tuple(
            edit_id for edit_id, share in zip(added, shares, strict=True) if share < 1 or edit_id in written.unlearned
        ),
        seconds=time.perf_counter() - started,
        seconds_per_edit=training / written.trained if written.trained else 0.0,
        bytes_written=landed.bytes_written,
        reliability=reliability,
    )


def _known(
    store: Store, base: LoadedBase, state: Commit, edits: Sequence[Edit], chats: Collection[str]
) -> tuple[str, ...]:
    if not edits:
        return ()
    with attached_at_commit(store, base, state, source=store.blob_cache) as handle:
        said = said_already(base, edits, chats, handle)
    return tuple(edit.id for edit, same in zip(edits, said, strict=True) if same)


def _shares(
    store: Store, base: LoadedBase, written: Written, edits: Sequence[Edit], chats: Collection[str]
) -> list[float]:
    if not edits:
        return []
    memories = read_memories(written.pending, written.memories)
    pairs = pairs_of(base.tokenizer, [(question(edit, chat=edit.id in chats), edit.target) for edit in edits])
    with attached(base, memories) as handle:
        scores = score(base.model, pairs, base.tokenizer.pad_token_id or 0, handle=handle)
    return [item.share for item in scores]
