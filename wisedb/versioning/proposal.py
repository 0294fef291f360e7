"""From a state that is planned to a commit: train, measure, land. What every verb that trains goes through."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.config import EditorChoice
from wisedb.editors.registry import bind
from wisedb.edits import Edit
from wisedb.errors import NothingToCommit, NotLearned
from wisedb.progress import Listener
from wisedb.serving.asked import question
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.attached import attached
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.known import said_already
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.probe import probe, probed
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


_SHOWN = 5


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
        again: the edits that were in force before and were trained anew.
        unlearned: those of ``added`` and ``again`` of which not every target token is the argmax afterwards, or of
            which their editor says so (of a chat model's, in each of its replies): more steps may help.
        seconds: how long it all took.
        seconds_per_edit: training alone, for each edit trained; 0 where none was.
        bytes_written: what the store's objects grew by.
        reliability: of the edits that were written, measured afterwards: mean share of target tokens that are the
            argmax; ``None`` where none was.
    """

    commit: str
    parents: tuple[str, ...]
    branch: str | None
    added: tuple[str, ...]
    reverted: tuple[str, ...]
    known: tuple[str, ...]
    again: tuple[str, ...]
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
            "again": list(self.again),
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
        again: ids of the edits in force that are written anew.
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
    again: tuple[str, ...] = ()

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
    again: Sequence[Edit] = (),
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
        again: edits in force to take out and to write anew.
        held: what the tip's memories hold, if that was read already.
    """
    there = read_streams(store, tip.commit, choice) if held is None else held
    repeated = tuple(edit.id for edit in again)
    plans = planning.plan(there, [NewEdits(choice, (*new, *again)), *restored], {*removed, *repeated})
    records = (*new, *(edit for each in restored for edit in each.edits))
    return Proposal(tip, choice, (tip.id,), tip.commit.memories, tuple(there), tuple(plans), records, again=repeated)


def commit_proposal(
    store: Store,
    base: LoadedBase,
    proposal: Proposal,
    signature: Signature,
    *,
    action: str,
    unstage: Sequence[str] = (),
    strict: bool = False,
    progress: Listener | None = None,
) -> CommitResult:
    """Train, measure and land a proposal, in one transaction.

    Args:
        store, base: the store and its base model, which is left as it was.
        proposal: what is to be.
        signature: who, when and why.
        action: the word for the reflog.
        unstage: ids of the staged edits that the commit takes in.
        strict: refuse a commit of edits that were not learned.
        progress: is told after each edit.

    Raises:
        UsageError: the signature has no message.
        NothingToCommit: edits were to be written anew, and come out as they are.
        NotLearned: ``strict``, and an edit was not learned; nothing is written.
        TrainingFailed: see the editor.
        StoreBusy, StoreNotWritable: nothing can be written, found out before anything is trained.
        RefMoved: another writer landed first; nothing is written.
    """
    started = time.perf_counter()
    author, date, message = signature.checked()
    store.check_writable()
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
    if proposal.again and _same_memories(written.memories, proposal.memories):
        raise NothingToCommit(
            "these edits were written in this way before, and would come out the same",
            hint="Give other settings, such as --set steps=200, or another --seed.",
        )
    known = _known(store, base, before, [after[edit_id] for edit_id in added], chats)
    measured = (*added, *(edit_id for edit_id in proposal.again if edit_id in after and edit_id not in added))
    shares, said = _measured(base, written, [after[edit_id] for edit_id in measured], chats)
    unlearned = tuple(
        edit_id for edit_id, share in zip(measured, shares, strict=True) if share < 1 or edit_id in written.unlearned
    )
    if strict and unlearned:
        raise NotLearned(
            f"{len(unlearned)} of {len(measured)} edits were not learned, and nothing was committed: "
            f"{', '.join(edit_id[:12] for edit_id in unlearned[:_SHOWN])}{', …' if len(unlearned) > _SHOWN else ''}",
            hint="More steps may help (--set steps=200), or other settings; without --strict what was learned is kept.",
        )
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
        unlearned=unlearned,
        again=measured[len(added) :],
        probe=said,
    )
    landed = land(
        store,
        tip,
        commit,
        action=f"{action}: {first_line(message)}",
        blobs=[*written.pending.blobs.values(), *(() if blob is None else (blob,))],
        delta_bases=written.pending.delta_bases,
        unstage=unstage,
        sign=signature.sign,
    )
    return CommitResult(
        commit=landed.id,
        parents=landed.commit.parents,
        branch=landed.branch,
        added=added,
        reverted=reverted,
        known=known,
        again=measured[len(added) :],
        unlearned=unlearned,
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


def _same_memories(one: Sequence[MemoryEntry], other: Sequence[MemoryEntry]) -> bool:
    return [memory.main for memory in one] == [memory.main for memory in other]


def _measured(
    base: LoadedBase, written: Written, edits: Sequence[Edit], chats: Collection[str]
) -> tuple[list[float], Mapping[str, Any]]:
    """Each edit's share of target tokens that are the argmax, and what the model answers to a few prompts."""
    memories = read_memories(written.pending, written.memories)
    pairs = pairs_of(base.tokenizer, [(question(edit, chat=edit.id in chats), edit.target) for edit in edits])
    with attached(base, memories) as handle:
        scores = score(base.model, pairs, base.tokenizer.pad_token_id or 0, handle=handle) if pairs else []
        return [item.share for item in scores], probe(base, probed(edits))
