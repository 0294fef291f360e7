"""Plans → trained memories → blobs: the work of a commit, all of it before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.editors.common.key_statistics import STATISTICS as KEY_STATISTICS
from wisedb.editors.registry import Owner, bind
from wisedb.editors.streams import Planned, StreamItem, effective
from wisedb.edits import Edit
from wisedb.memory.gates.keys.reading_layers import relation_layer
from wisedb.progress import Listener, Progress
from wisedb.serving.attached import attached
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.key_blobs import KeyWriter
from wisedb.serving.memory_codec import (
    KEYS,
    STATISTICS,
    key_format_of,
    modern_entry,
    origin_blob,
    part_of,
    read_change,
    read_memories,
    version_blob,
)
from wisedb.serving.resources import StoreResources
from wisedb.store import history
from wisedb.store.memory_entry import MemoryEntry
from wisedb.versioning.planning import Plan
from wisedb.versioning.streams import Start, before, find_start, pick_start, stream_ids

if TYPE_CHECKING:
    from wisedb.memory.gates.base import KeyFormat
    from wisedb.memory.kinds.base import Change
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Written:
    """The state after a commit, not landed yet.

    Attributes:
        memories: the commit's list of memories.
        pending: the new blobs in front of the store's.
        trained: how many edits were trained for it.
        unlearned: the ids of those that their editor saw not to be learned.
    """

    memories: tuple[MemoryEntry, ...]
    pending: PendingBlobs
    trained: int
    unlearned: frozenset[str]


def write(
    store: Store,
    base: LoadedBase,
    memories: Sequence[MemoryEntry],
    heads: Sequence[str],
    plans: Sequence[Plan],
    in_force: Mapping[str, Edit],
    *,
    pending: PendingBlobs | None = None,
    progress: Listener | None = None,
) -> Written:
    """Train what the plans ask for, memory by memory in the commit's order, each by the editor that began it.

    A memory is a function of the base model, of the always-on memories before it and of its own stream: where one of
    those changed, it is trained anew too.

    Args:
        store: read from, never written to.
        base: the base model; it is left as it was.
        memories: those that the plans change, and those that stay as they are.
        heads: the commits behind which earlier versions of them are found.
        plans: the memories that change.
        in_force: every edit in force afterwards, by id.
        pending: blobs of ``memories`` that aren't in the store yet; what is trained joins them.
        progress: is told after each edit.

    Raises:
        TrainingFailed: see the editor.
    """
    work = _Work(store, base, PendingBlobs(store.blob_cache) if pending is None else pending, heads, progress)
    changing = {plan.planned.id: plan for plan in plans if plan.planned.id is not None}
    entries = [modern_entry(work.pending, memory) for memory in memories]
    jobs = [_Job(entry, changing.get(entry.id)) for entry in entries]
    jobs += [_Job(None, plan) for plan in plans if plan.planned.id is None]
    work.expect(jobs)
    done: list[MemoryEntry] = []
    for job in jobs:
        entry = work.carry_out(job, done)
        if entry is not None:
            done.append(entry)
    return Written(work.with_keys(done, in_force), work.pending, work.trained, frozenset(work.unlearned))


@dataclass(frozen=True, slots=True)
class _Job:
    """One memory: as it is (``None`` for a new one), and what shall become of it (``None`` for nothing)."""

    entry: MemoryEntry | None
    plan: Plan | None


class _Work:
    def __init__(
        self,
        store: Store,
        base: LoadedBase,
        pending: PendingBlobs,
        heads: Sequence[str],
        progress: Listener | None,
    ) -> None:
        self._store, self._base, self.pending, self._heads = store, base, pending, heads
        self._count = _Count(progress)
        self._key_kinds: dict[str, tuple[bool, KeyFormat]] = {}
        self.trained = 0
        self.unlearned: set[str] = set()

    def expect(self, jobs: Sequence[_Job]) -> None:
        """Refuse what can't be written before anything is trained, and count what is to be."""
        standing: list[MemoryEntry] = []
        moved = False
        for job in jobs:
            if job.plan is not None and job.plan.planned.stream:
                there = set() if job.entry is None else set(self._meta(job.entry.main)["edits"])
                new = [item.edit for item in effective(job.plan.planned.stream) if item.edit.id not in there]
                bind(job.plan.owner).check(self._base, new)
            self._count.total += self._to_train(job, before(standing), moved)
            if job.entry is not None:
                standing.append(job.entry)
                moved = moved or (job.plan is not None and job.entry.gate == "always")

    def _to_train(self, job: _Job, beside: str, moved: bool) -> int:
        """How many edits are trained for a memory; ``moved``: an always-on memory before it changes."""
        if job.plan is None:
            assert job.entry is not None
            meta = self._meta(job.entry.main)
            return len(meta["edits"]) if moved or meta.get("before", "") != beside else 0
        items = len(effective(job.plan.planned.stream))
        if job.entry is None or moved:
            return items
        start = self._begin(job.entry, job.plan, bind(job.plan.owner), beside)
        return items - (0 if start is None else start.items)

    def _begin(self, entry: MemoryEntry, plan: Plan, owner: Owner, beside: str) -> Start | None:
        """The earlier version of a memory to go on from that holds most."""
        start = find_start(self._store, self._heads, entry.id, plan.planned.stream, beside)
        if owner.picks():
            picked = pick_start(entry, self._meta(entry.main), plan.planned.stream, beside)
            if picked is not None and (start is None or picked.items > start.items):
                return picked
        return start

    def carry_out(self, job: _Job, done: Sequence[MemoryEntry]) -> MemoryEntry | None:
        """The memory as it shall be, ``None`` if it goes. ``done`` are those before it."""
        beside = before(done)
        plan = job.plan
        if plan is None:
            entry = job.entry
            assert entry is not None
            if self._meta(entry.main).get("before", "") == beside:
                return entry
            plan = self._again(entry)
        if not plan.planned.stream:
            return None
        owner = bind(plan.owner)
        named, listener = plan.owner.resources, self._count.listener
        resources = StoreResources(self._base, self._store.config.base, self.pending, named, listener)
        start, began, change = self._start(job.entry, plan, owner, beside)
        items = effective(plan.planned.stream)
        always = read_memories(self.pending, [entry for entry in done if entry.gate == "always"])
        for need in owner.needs():
            resources.get(need.resource, need.module)
        with attached(self._base, always):
            trained = owner.train(
                self._base, resources, change, 0 if start is None else start.items, items, self._count.inner()
            )
        new = len(items) - (0 if start is None else start.items)
        self._count.finish(new)
        self.trained += new
        self.unlearned |= trained.unlearned
        previous = None if start is None else start.entry.main
        main = self.pending.put(version_blob(began, plan.planned.stream, trained, beside), previous)
        held = {} if job.entry is None else dict(job.entry.blobs)
        blobs = {**held, trained.change.origin: began, trained.change.main: main}
        if trained.gate not in ("keys", "both"):
            blobs = {role: blob for role, blob in blobs.items() if role not in (KEYS, STATISTICS)}
        choice = replace(plan.owner, resources={**plan.owner.resources, **resources.used})
        self._key_kinds[main] = trained.key_rephrases, trained.key_format
        return MemoryEntry(began, trained.change.kind, trained.gate, choice, trained.change.modules, main, blobs)

    def with_keys(self, entries: Sequence[MemoryEntry], in_force: Mapping[str, Edit]) -> tuple[MemoryEntry, ...]:
        """The memories with the keys of their edits, where keys have a say."""
        keyed = [entry for entry in entries if entry.gate in ("keys", "both")]
        if not keyed:
            return tuple(entries)
        writer = KeyWriter(self._base, self.pending, self._statistics(keyed, entries))
        return tuple(self._keyed(writer, entry, in_force) if entry in keyed else entry for entry in entries)

    def _keyed(self, writer: KeyWriter, entry: MemoryEntry, in_force: Mapping[str, Edit]) -> MemoryEntry:
        edits = [in_force[edit] for edit in self._meta(entry.main)["edits"]]
        rephrases, format = self._kinds_of_keys(entry)
        return writer.keyed(entry, edits, rephrases=rephrases, format=format)

    def _start(
        self, entry: MemoryEntry | None, plan: Plan, owner: Owner, beside: str
    ) -> tuple[Start | None, str, Change]:
        """An earlier version to go on from, the blob of the memory's beginning, and what is trained further."""
        if entry is None:
            seed = int(plan.planned.seed or 0)
            change = owner.begin(self._base, seed)
            return None, self.pending.put(origin_blob(change, plan.owner, seed)), change
        start = self._begin(entry, plan, owner, beside)
        if start is not None:
            held = read_change(self.pending, modern_entry(self.pending, start.entry))
            return start, entry.id, held if start.places is None else owner.picked(held, start.places)
        change = owner.begin(self._base, int(self._meta(entry.id).get("seed") or 0))
        return None, entry.id, change.begun(part_of(self.pending.get(entry.id)))

    def _again(self, entry: MemoryEntry) -> Plan:
        # The same stream once more: an always-on memory before it changed.
        assert entry.editor is not None
        listed = stream_ids(self._meta(entry.main))
        wanted = dict.fromkeys(edit for item, companions, _ in listed for edit in (item, *companions))
        edits = {edit.id: edit for edit in history.edits_of(self._store, list(wanted))}
        stream = tuple(
            StreamItem(edits[item], tuple(edits[each] for each in rest), batch) for item, rest, batch in listed
        )
        return Plan(entry.editor, Planned(entry.id, None, stream))

    def _statistics(self, keyed: Sequence[MemoryEntry], entries: Sequence[MemoryEntry]) -> str:
        # Two people's machines measure them a little differently: what the history names is taken, so that nobody's
        # keys are made anew. Those of an old store that know no names are measured again, and so are those that would
        # be read only above a gated memory: which one answers is decided at the lowest of them.
        modules = {module for entry in entries if entry.gate != "always" for module in entry.modules}
        lowest = min((self._base.projection(module) for module in sorted(modules)), key=lambda each: each.layer)
        unfit: set[str] = set()
        for entry in keyed:
            found = entry.blobs.get(STATISTICS)
            if found is not None:
                blob = self.pending.get(found)
                if "marks" in blob.arrays and int(blob.meta["layer"]) <= lowest.layer:
                    return found
                unfit.add(found)
        first = keyed[0]
        shared = {} if first.editor is None else first.editor.resources
        named = {name: blob_id for name, blob_id in shared.items() if blob_id not in unfit}
        resources = StoreResources(self._base, self._store.config.base, self.pending, named)
        own = self._base.projection(first.modules[0])
        return resources.blob(KEY_STATISTICS, own.name if relation_layer(own) <= lowest.layer else lowest.name)

    def _kinds_of_keys(self, entry: MemoryEntry) -> tuple[bool, KeyFormat]:
        """Whether rephrases are keys too, and of which prompts keys are made."""
        if entry.main in self._key_kinds:
            return self._key_kinds[entry.main]
        if KEYS not in entry.blobs:
            return False, "both"
        meta = self._meta(entry.blobs[KEYS])
        return bool(meta.get("rephrases")), key_format_of(meta)

    def _meta(self, blob_id: str) -> Mapping[str, Any]:
        return (
            self.pending.blobs[blob_id].meta if blob_id in self.pending.blobs else self._store.blob_cache.meta(blob_id)
        )


class _Count:
    """Joins the reports of several trainings into one count."""

    def __init__(self, listener: Listener | None) -> None:
        self.listener, self.total, self._before = listener, 0, 0

    def inner(self) -> Listener | None:
        listener = self.listener
        if listener is None:
            return None
        before = self._before

        def report(progress: Progress) -> None:
            listener(Progress("training", min(before + progress.done, self.total), self.total, progress.loss))

        return report

    def finish(self, count: int) -> None:
        self._before += count
