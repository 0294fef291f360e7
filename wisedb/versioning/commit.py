"""Edits → a new commit: plan, train, measure, land."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.config import EditorChoice, Setting
from wisedb.editors.registry import calibrated, check_given, chosen
from wisedb.edits import Edit, distinct
from wisedb.errors import NothingToCommit
from wisedb.progress import Listener
from wisedb.serving.assemble import attached_at_commit
from wisedb.serving.attached import attached
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.evaluate import exact_matches
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.resources import StoreResources
from wisedb.serving.score import pairs_of, score
from wisedb.store.commits import Commit, MemoryEntry
from wisedb.store.signature import Signature
from wisedb.versioning import planning
from wisedb.versioning.land import Tip, first_line, land, read_tip
from wisedb.versioning.planning import NewEdits, Plan
from wisedb.versioning.streams import Owned, changes, edits_blob, in_force, owner_of, read_streams
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
        unlearned: those of ``added`` of which not every target token is the argmax afterwards: more steps may help.
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


def commit_edits(
    store: Store,
    base: LoadedBase,
    edits: Sequence[Edit],
    signature: Signature,
    *,
    editor: str | None = None,
    seed: int | None = None,
    settings: Mapping[str, Setting] | None = None,
    progress: Listener | None = None,
) -> CommitResult:
    """Write edits into memory and record them.

    An edit whose prompt another edit in force has supersedes that one. Everything that takes time happens before the
    store is touched.

    Args:
        store: the store.
        base: its base model, verified; it is left as it was.
        edits: what to write; those in force already are passed over.
        signature: who, when and why.
        editor: the editor's name, the store's if it isn't given.
        seed: in place of the store's.
        settings: on top of the store's.
        progress: is told after each edit.

    Raises:
        NothingToCommit: no edit, or all are in force already.
        ConflictingEdits: one prompt has two targets.
        UnknownEditor, UnknownSetting, TrainingFailed: see the editor.
        RefMoved: another writer landed first; nothing is written, and what is staged stays staged.
    """
    given = require_some(edits)
    tip = read_tip(store)
    before = set(in_force(store, tip.commit))
    new = [edit for edit in given if edit.id not in before]
    if not new:
        raise NothingToCommit("all these edits are in force already", hint="'wisedb facts' lists what is in force.")
    choice = choose(store, base, tip.commit, editor, seed, settings)
    proposal = propose(store, tip, choice, new=new)
    return change(
        store,
        base,
        proposal,
        signature,
        action="commit",
        unstage=[edit.id for edit in given],
        progress=progress,
    )


def check_commit(
    store: Store,
    edits: Sequence[Edit],
    signature: Signature,
    editor: str | None = None,
    settings: Mapping[str, Setting] | None = None,
) -> None:
    """Refuse a commit that can't come to anything, without a model.

    Raises:
        UsageError: the signature has no message.
        NothingToCommit, ConflictingEdits, UnknownEditor, UnknownSetting: as :func:`commit_edits`.
    """
    signature.checked()
    require_some(edits)
    default = store.config.editor
    if editor in (None, default.name):
        chosen(default, None, settings)
    else:
        check_given(editor, settings or {})


def require_some(edits: Sequence[Edit]) -> list[Edit]:
    """The edits, each once.

    Raises:
        NothingToCommit: there is none.
        ConflictingEdits: one prompt has two targets.
    """
    given = distinct(edits)
    if not given:
        raise NothingToCommit("there is nothing to commit", hint="Stage edits with 'wisedb add', or name a file.")
    return given


def choose(
    store: Store,
    base: LoadedBase,
    state: Commit,
    editor: str | None = None,
    seed: int | None = None,
    settings: Mapping[str, Setting] | None = None,
) -> EditorChoice:
    """Who writes: the store's editor, or another one, with what one commit asks for.

    An editor that the store wasn't made with is calibrated for the model where it first writes; later commits go on
    with the settings of its memories.

    Raises:
        UnknownEditor, UnknownSetting, UnsupportedModel: see the editor.
    """
    default = store.config.editor
    if editor in (None, default.name):
        return chosen(default, seed, settings)
    owners = [owner_of(store, memory) for memory in state.memories]
    own = [owner for owner in owners if owner.name == editor]
    if own:
        return chosen(replace(own[-1], seed=default.seed), seed, settings)
    resources = StoreResources(base, store.config.base, PendingBlobs(store.blob_cache), default.resources)
    wanted = default.seed if seed is None else seed
    return calibrated(editor, base, resources, settings or {}, wanted, default.pool)


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
    """

    tip: Tip
    choice: EditorChoice
    parents: tuple[str, ...]
    memories: tuple[MemoryEntry, ...]
    held: tuple[Owned, ...]
    plans: tuple[Plan, ...]
    records: tuple[Edit, ...]
    pending: PendingBlobs | None = None

    def in_force(self) -> dict[str, Edit]:
        """Id → edit, of those in force afterwards, memory by memory."""
        return planning.in_force(self.held, self.plans)


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


def change(
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
    after = proposal.in_force()
    added, reverted = changes(in_force(store, tip.commit), after)

    known = _known(store, base, tip.commit, [after[edit_id] for edit_id in added])
    training = time.perf_counter()
    written = write(
        store,
        base,
        proposal.memories,
        proposal.parents,
        proposal.plans,
        after,
        pending=proposal.pending,
        progress=progress,
    )
    training = time.perf_counter() - training
    shares = _shares(store, base, written, [after[edit_id] for edit_id in added])
    reliability = sum(shares) / len(shares) if shares else None
    blob = edits_blob(proposal.records) if proposal.records else None
    commit = Commit(
        parents=proposal.parents,
        author=author,
        date=date,
        message=message,
        base=store.config.base,
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
        unlearned=tuple(edit_id for edit_id, share in zip(added, shares, strict=True) if share < 1),
        seconds=time.perf_counter() - started,
        seconds_per_edit=training / written.trained if written.trained else 0.0,
        bytes_written=landed.bytes_written,
        reliability=reliability,
    )


def _known(store: Store, base: LoadedBase, state: Commit, edits: Sequence[Edit]) -> tuple[str, ...]:
    if not edits:
        return ()
    with attached_at_commit(store, base, state, source=store.blob_cache) as handle:
        said = exact_matches(base, [(edit.prompt, edit.target) for edit in edits], handle)
    return tuple(edit.id for edit, same in zip(edits, said, strict=True) if same)


def _shares(store: Store, base: LoadedBase, written: Written, edits: Sequence[Edit]) -> list[float]:
    if not edits:
        return []
    memories = read_memories(written.pending, written.memories)
    pairs = pairs_of(base.tokenizer, [(edit.prompt, edit.target) for edit in edits])
    with attached(base, memories) as handle:
        scores = score(base.model, pairs, base.tokenizer.pad_token_id or 0, handle=handle)
    return [item.share for item in scores]
