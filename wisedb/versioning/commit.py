"""Edits → a new commit: plan, train, measure, land."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.config import EditorChoice, Setting
from wisedb.editors.protocol import editor as find_editor
from wisedb.editors.streams import ShardPlan, ShardStream, effective
from wisedb.edits import Edit, distinct
from wisedb.errors import NothingToCommit
from wisedb.progress import Listener
from wisedb.serving.assemble import assembled, lent
from wisedb.serving.evaluate import exact_matches
from wisedb.serving.memory_codec import Draft, read_memories
from wisedb.serving.score import pairs_of, score
from wisedb.store.commits import Commit, MemoryEntry
from wisedb.versioning.land import Signature, Tip, first_line, land, read_tip
from wisedb.versioning.streams import changes, edits_blob, in_force, read_streams
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
        editor: the editor's name, the store's default if it isn't given.
        seed: in place of the store's.
        settings: on top of the store's.
        progress: is told after each edit.

    Raises:
        NothingToCommit: no edit, or all are in force already.
        ConflictingEdits: one prompt has two targets.
        UnknownEditor, UnknownSetting, TrainingFailed: see the editor.
        RefMoved: another writer landed first; nothing is written, and what is staged stays staged.
    """
    signature.checked()
    given = require_some(edits)
    tip = read_tip(store)
    before = set(in_force(store, tip.commit))
    new = [edit for edit in given if edit.id not in before]
    if not new:
        raise NothingToCommit("all these edits are in force already", hint="'wisedb facts' lists what is in force.")
    proposal = propose(store, tip, choose(store.config.editor, editor, seed, settings), new=new)
    return change(
        store,
        base,
        proposal,
        signature,
        action="commit",
        unstage=[edit.id for edit in given],
        progress=progress,
    )


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
    default: EditorChoice,
    editor: str | None = None,
    seed: int | None = None,
    settings: Mapping[str, Setting] | None = None,
) -> EditorChoice:
    """The store's editor, with what one commit asks for.

    Every setting is spelled out, so that a commit means the same whatever a later version's defaults are.

    Raises:
        UnknownEditor, UnknownSetting: see the editor.
    """
    name = editor or default.name
    given = dict(settings or {})
    kept = dict(default.settings) if name == default.name else {}
    if "preset" in given:
        # Of what was measured for the model a preset keeps what is in its units: the rest belongs to other settings.
        kept = {key: value for key, value in kept.items() if key in find_editor(name).measured}
    whole = asdict(find_editor(name).configure({**kept, **given}))
    return replace(default, name=name, settings=whole, seed=default.seed if seed is None else seed)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A state that is planned and not trained yet: what commit, revert, merge and cherry-pick share.

    Attributes:
        tip: where it lands.
        choice: editor, settings and seed of the memories that are begun here.
        parents: what the commit continues, the tip first.
        memories: those from which the plans go on.
        streams: what these hold, in the same order.
        plans: the memories that change.
        records: edits whose records the commit brings along: those that its parents' history may lack.
        draft: blobs of ``memories`` that aren't in the store yet, ``None`` where all are.
    """

    tip: Tip
    choice: EditorChoice
    parents: tuple[str, ...]
    memories: tuple[MemoryEntry, ...]
    streams: tuple[ShardStream, ...]
    plans: tuple[ShardPlan, ...]
    records: tuple[Edit, ...]
    draft: Draft | None = None

    def in_force(self) -> dict[str, Edit]:
        """Id → edit, of those in force afterwards, memory by memory."""
        planned = {plan.id: plan.stream for plan in self.plans if plan.id is not None}
        streams = [planned.get(stream.id, stream.stream) for stream in self.streams]
        streams += [plan.stream for plan in self.plans if plan.id is None]
        return {item.edit.id: item.edit for stream in streams for item in effective(stream)}


def propose(
    store: Store,
    tip: Tip,
    choice: EditorChoice,
    *,
    new: Sequence[Edit] = (),
    removed: Collection[str] = (),
    streams: Sequence[ShardStream] | None = None,
) -> Proposal:
    """Plan to write and to take out edits at the tip.

    Args:
        store: the store.
        tip: whose state changes.
        choice: how new memories are begun.
        new: edits to write.
        removed: ids of edits to take out.
        streams: what the tip's memories hold, for the same choice, if that was read already.
    """
    kind = find_editor(choice.name)
    held = read_streams(store, tip.commit, choice) if streams is None else streams
    plans = kind.plan(held, new, removed, kind.configure(choice.settings), choice.seed)
    return Proposal(tip, choice, (tip.id,), tip.commit.memories, tuple(held), tuple(plans), tuple(new))


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
    tip, choice = proposal.tip, proposal.choice
    after = proposal.in_force()
    added, reverted = changes(in_force(store, tip.commit), after)

    known = _known(store, base, tip.commit, [after[edit_id] for edit_id in added])
    training = time.perf_counter()
    written = write(
        store,
        base,
        proposal.memories,
        proposal.parents,
        find_editor(choice.name),
        choice,
        proposal.plans,
        list(after.values()),
        draft=proposal.draft,
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
        editor=choice,
        edits=None if blob is None else blob.id,
        added=added,
        reverted=reverted,
        known=known,
        memories=written.memories,
        merged=written.merged,
        scores=None if reliability is None else {"reliability": reliability},
    )
    landed = land(
        store,
        tip,
        commit,
        action=f"{action}: {first_line(message)}",
        blobs=[*written.draft.blobs.values(), *(() if blob is None else (blob,))],
        near=written.draft.near,
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
    with assembled(store, base, state, shelf=store.recent) as handle:
        said = exact_matches(base, [(edit.prompt, edit.target) for edit in edits], handle)
    return tuple(edit.id for edit, same in zip(edits, said, strict=True) if same)


def _shares(store: Store, base: LoadedBase, written: Written, edits: Sequence[Edit]) -> list[float]:
    if not edits:
        return []
    memories = read_memories(written.draft, written.memories)
    pairs = pairs_of(base.tokenizer, [(edit.prompt, edit.target) for edit in edits])
    with lent(base.model, store.config.base.target, memories, "retrieve") as handle:
        scores = score(base.model, pairs, base.tokenizer.pad_token_id or 0, handle=handle)
    return [item.share for item in scores]
