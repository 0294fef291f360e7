"""Two lines of history become one: three-way over the facts, and memories that hold what comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wisedb.editors.registry import chosen
from wisedb.editors.streams import effective
from wisedb.edits import Edit
from wisedb.errors import MergeRefused, UsageError
from wisedb.progress import Listener
from wisedb.store.refnames import BRANCHES, REMOTES, TAGS, is_ref_name
from wisedb.store.signature import Signature
from wisedb.versioning.fact_changes import facts_of
from wisedb.versioning.land import Tip, read_tip
from wisedb.versioning.merging.base import Common, common, same_base
from wisedb.versioning.merging.choices import Choices, resolve_conflicts
from wisedb.versioning.merging.facts import merge_facts
from wisedb.versioning.merging.memories import Joined, Version, join
from wisedb.versioning.merging.result import MemoryChange, MergeResult
from wisedb.versioning.streams import find_start, read_streams

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store
    from wisedb.versioning.proposal import Proposal

FAST_FORWARD = ("auto", "never", "only")
"""When the branch is just moved: where that is possible, never, or only then."""


@dataclass(frozen=True, slots=True)
class MergePlan:
    """A merge that is worked out and not done: no model is needed for it.

    Attributes:
        tip: where it lands.
        name: the other side as it was called.
        result: what it comes to, ``commit`` left out.
        proposal: what is to be trained and landed; ``None`` while there are conflicts, and where nothing is.
    """

    tip: Tip
    name: str
    result: MergeResult
    proposal: Proposal | None = None


def plan_merge(
    store: Store,
    rev: str,
    choices: Choices | None = None,
    *,
    fast_forward: str = "auto",
    allow_unrelated: bool = False,
) -> MergePlan:
    """Work out what a merge comes to; nothing is written and no model is loaded.

    Raises:
        UnknownRevision, AmbiguousId: ``rev`` names no commit, or several.
        BaseModelMismatch: the other side was made for another base model, or for another of its modules.
        MergeRefused: the histories have no common commit, or it is no fast-forward and only that was allowed.
        InputError: see :func:`wisedb.versioning.merging.choices.resolve_conflicts`.
    """
    tip, other = read_tip(store), store.resolve(rev)
    goal = store.objects.commit(other)
    same_base(store, tip.commit, goal, rev)
    shared = common(store, tip.id, other)
    found = MergeResult(None, "merge", tip.branch, tip.id, other, shared.bases)
    if other in shared.bases:
        resolve_conflicts(merge_facts({}, {}, {}), choices)
        return MergePlan(tip, rev, replace(found, how="up-to-date"))
    ours, theirs = _versions(store, tip.commit), _versions(store, goal)
    before, after = (facts_of([version.owned for version in side]) for side in (ours, theirs))
    if tip.id in shared.bases and fast_forward != "never":
        resolve_conflicts(merge_facts({}, {}, {}), choices)
        kept = tuple(MemoryChange(one.entry.id, True, len(one.owned.held.in_force), 0) for one in theirs)
        return MergePlan(tip, rev, _with_facts(replace(found, how="fast-forward", memories=kept), before, after))
    _may_merge(shared, tip, rev, fast_forward, allow_unrelated)
    merged = merge_facts(shared.facts, before, after, shared.disputed)
    settled = resolve_conflicts(merged, choices)
    found = replace(found, conflicts=settled.conflicts, doubled=merged.doubled)
    if settled.conflicts:
        undecided = {conflict.key for conflict in settled.conflicts}
        clean = {key: edit for key, edit in before.items() if key not in undecided}
        return MergePlan(tip, rev, _with_facts(found, clean, settled.facts))
    # Here, so that a conflict or a fast-forward is told without loading torch.
    from wisedb.versioning.proposal import Proposal

    choice = chosen(store.config.editor)
    joined = join(
        [{memory.id: memory.main for memory in store.objects.commit(base).memories} for base in shared.bases],
        ours,
        theirs,
        settled.facts,
        settled.losers,
        choice,
    )
    found = replace(_with_facts(found, before, settled.facts), memories=_memory_changes(store, joined, (tip.id, other)))
    proposal = Proposal(
        tip,
        choice,
        (tip.id, other),
        tuple(version.entry for version in joined.versions),
        tuple(version.owned for version in joined.versions),
        joined.plans,
        settled.made,
    )
    return MergePlan(tip, rev, found, proposal)


def merge(
    store: Store,
    load: Callable[[], LoadedBase],
    rev: str,
    signature: Signature | None = None,
    choices: Choices | None = None,
    *,
    fast_forward: str = "auto",
    allow_unrelated: bool = False,
    preview: bool = False,
    progress: Listener | None = None,
) -> MergeResult:
    """Merge another line of history into HEAD's.

    Facts are merged three ways from the merge base (see :mod:`wisedb.versioning.merging.facts`). Memories that one side
    alone changed keep their bytes; what both changed, and what lost a conflict, is trained from the recorded edits, no
    more of it than must be. The commit has two parents, ours first. While a conflict is open nothing changes.

    Args:
        store: the store.
        load: gives the base model, verified; called only where something has to be measured or trained.
        rev: what is merged.
        signature: who, when and why; a message that names both sides by default.
        choices: what becomes of conflicts.
        fast_forward: ``auto``, ``never`` or ``only``.
        allow_unrelated: merge histories with no common commit too, as if they had begun with no facts.
        preview: only tell what would happen.
        progress: is told after each edit that has to be trained.

    Raises:
        UsageError: ``fast_forward`` is none of these words.
        RefMoved: another writer landed first; nothing has changed.
        UnknownRevision, AmbiguousId, BaseModelMismatch, MergeRefused, InputError: see :func:`plan_merge`.
        TrainingFailed: see the editor.
    """
    started = time.perf_counter()
    _check_word(fast_forward)
    planned = plan_merge(store, rev, choices, fast_forward=fast_forward, allow_unrelated=allow_unrelated)
    tip, found = planned.tip, planned.result
    if preview:
        return replace(found, preview=True, seconds=time.perf_counter() - started)
    if found.how == "up-to-date":
        return replace(found, commit=tip.id, seconds=time.perf_counter() - started)
    if found.how == "fast-forward":
        store.refs.keep_orig_head(tip.id)
        store.refs.update(tip.ref, tip.id, found.other, f"merge {rev}: fast-forward")
        return replace(found, commit=found.other, seconds=time.perf_counter() - started)
    if planned.proposal is None:
        return replace(found, seconds=time.perf_counter() - started)
    chosen = signature or Signature("")
    if not chosen.message.strip():
        chosen = replace(chosen, message=_message(store, planned))
    from wisedb.versioning.proposal import commit_proposal

    # Before: once the merge has landed, nothing may claim that it hasn't.
    store.refs.keep_orig_head(tip.id)
    made = commit_proposal(store, load(), planned.proposal, chosen, action=f"merge {rev}", progress=progress)
    return replace(
        found,
        commit=made.commit,
        unlearned=made.unlearned,
        reliability=made.reliability,
        seconds=time.perf_counter() - started,
        bytes_written=made.bytes_written,
    )


def _check_word(fast_forward: str) -> None:
    if fast_forward not in FAST_FORWARD:
        raise UsageError(f"there is no fast-forward '{fast_forward}'", hint=f"Choose from {', '.join(FAST_FORWARD)}.")


def _may_merge(shared: Common, tip: Tip, rev: str, fast_forward: str, allow_unrelated: bool) -> None:
    if not shared.bases and not allow_unrelated:
        raise MergeRefused(
            f"'{rev}' and {tip.branch or tip.id[:12]} have no commit in common",
            hint="--allow-unrelated-histories merges them all the same, as if both had begun with no facts.",
        )
    if fast_forward == "only":
        raise MergeRefused(
            f"'{rev}' and {tip.branch or tip.id[:12]} went different ways: that is no fast-forward",
            hint="Merge without --ff-only.",
        )


def _versions(store: Store, commit: Commit) -> list[Version]:
    streams = read_streams(store, commit)
    return [Version(entry, stream) for entry, stream in zip(commit.memories, streams, strict=True)]


def _with_facts(found: MergeResult, before: dict[str, Edit], after: dict[str, Edit]) -> MergeResult:
    return replace(
        found,
        added=tuple(edit for key, edit in after.items() if key not in before),
        removed=tuple(edit for key, edit in before.items() if key not in after),
        changed=tuple(
            (edit.prompt, before[key], edit) for key, edit in after.items() if key in before and before[key] != edit
        ),
    )


def _memory_changes(store: Store, joined: Joined, heads: Sequence[str]) -> tuple[MemoryChange, ...]:
    plans = {plan.planned.id: plan.planned for plan in joined.plans if plan.planned.id is not None}
    fates: list[MemoryChange] = []
    for version in joined.versions:
        plan = plans.get(version.entry.id)
        if plan is None:
            fates.append(MemoryChange(version.entry.id, True, len(version.owned.held.in_force), 0))
            continue
        count = len(effective(plan.stream))
        beside = str(store.blob_cache.meta(version.entry.main).get("before", ""))
        start = find_start(store, heads, version.entry.id, plan.stream, beside)
        fates.append(MemoryChange(version.entry.id, False, count, count - (0 if start is None else start.items)))
    counts = [len(effective(plan.planned.stream)) for plan in joined.plans if plan.planned.id is None]
    return (*fates, *(MemoryChange(None, False, count, count) for count in counts))


def _message(store: Store, planned: MergePlan) -> str:
    name, other = planned.name, planned.result.other
    kinds = {"branch": BRANCHES, "tag": TAGS, "remote-tracking branch": REMOTES}
    refs = {kind: prefix + name for kind, prefix in kinds.items() if is_ref_name(prefix + name)}
    kind = next((kind for kind, ref in refs.items() if store.refs.read(ref) is not None), "commit")
    # Digits are given in full length, as far as people read them; HEAD~2 and the like stay what they are.
    shown = other[:12] if kind == "commit" and other.startswith(name) else name
    return f"Merge {kind} '{shown}'" + (f" into {planned.tip.branch}" if planned.tip.branch else "")
