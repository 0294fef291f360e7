"""Stores with a long history, written through the store itself and trained by nobody.

``python -m tests.store.index.synthetic FOLDER COMMITS EDITS_A_COMMIT`` makes one to measure with.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.store.entries import memory_entry
from wisedb.canonical import canonical_json
from wisedb.config import BaseModel, StoreConfig
from wisedb.edits import Edit, LocalityPrompt
from wisedb.store.blobs import Array, Blob
from wisedb.store.commits import Commit
from wisedb.store.index import Index
from wisedb.store.index.index import LAG
from wisedb.store.memory_entry import MemoryEntry
from wisedb.store.store import Store

BASE = BaseModel("tiny", None, "a" * 64, "b" * 64)
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Shard:
    """A shard as a commit leaves it."""

    mask: str
    delta: str | None
    edits: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """A commit and what is in force there."""

    commit: str | None = None
    shards: tuple[Shard, ...] = ()

    @property
    def edits(self) -> tuple[str, ...]:
        """The ids in force, shard by shard."""
        return tuple(edit for shard in self.shards for edit in shard.edits)


@dataclass
class Builder:
    """Writes commits as a commit would, with deltas of one number."""

    store: Store
    capacity: int = 500
    records: dict[str, Edit] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    clock: int = 0

    @classmethod
    def make(cls, folder: Path, *, capacity: int = 500, lag: int | None = None) -> Builder:
        """A new store."""
        first = Commit((), "Ada <ada@example.org>", START.isoformat().replace("+00:00", "Z"), "init", BASE)
        store = Store.init(folder, StoreConfig(BASE), first)
        attach(store, lag=lag)
        builder = cls(store, capacity)
        builder.states[first.id] = State(first.id)
        return builder

    def write(
        self,
        parents: Sequence[State],
        add: Sequence[Edit] = (),
        revert: Iterable[str] = (),
        *,
        author: str = "Ada <ada@example.org>",
        message: str = "more facts",
        shards: tuple[Shard, ...] | None = None,
    ) -> State:
        """Store a commit on ``parents``; a new edit shadows one of the same prompt. No ref moves."""
        objects, base = self.store.objects, parents[0]
        gone = set(revert)
        keys = {edit.key: edit.id for edit in add}
        if shards is None:
            shards = self._shards(base, add, gone, keys)
            fresh = [edit for edit in add if edit.id not in base.edits]
        else:
            # An old state may be one that no ref reaches any more: its records travel along, as a rollback lets them.
            fresh = [self.records[edit] for shard in shards for edit in shard.edits]
        blob = self.put_records(fresh) if fresh else None
        self.records |= {edit.id: edit for edit in add}
        before, after = dict.fromkeys(base.edits), dict.fromkeys(edit for shard in shards for edit in shard.edits)
        self.clock += 1
        commit = Commit(
            parents=tuple(state.commit for state in parents if state.commit),
            author=author,
            date=(START + timedelta(seconds=self.clock)).isoformat().replace("+00:00", "Z"),
            message=message,
            base=BASE,
            edits=blob,
            added=tuple(edit for edit in after if edit not in before),
            reverted=tuple(edit for edit in before if edit not in after),
            memories=tuple(memory_entry(s.mask, s.delta) for s in shards if s.delta),
        )
        state = State(objects.put_commit(commit), shards)
        self.states[commit.id] = state
        return state

    def commit(self, *add: Edit, revert: Sequence[Edit] = (), branch: str = "main", message: str = "more facts") -> str:
        """Store a commit on the tip of a branch, and let the branch stand there; returns the commit's id."""
        state = self.write([self.tip(branch)], add, [edit.id for edit in revert], message=message)
        return str(self.move(branch, state).commit)

    def tip(self, branch: str = "main") -> State:
        """The state of a branch."""
        return self.states[self.store.refs.branches()[branch]]

    def move(self, branch: str, state: State, action: str = "commit") -> State:
        """Let a branch, new or not, stand at a state."""
        ref = f"refs/heads/{branch}"
        self.store.refs.update(ref, self.store.refs.read(ref), state.commit, action)
        return state

    def _shards(self, base: State, add: Sequence[Edit], gone: set[str], keys: dict[str, str]) -> tuple[Shard, ...]:
        shards = list(base.shards)
        todo = [edit for edit in add if edit.id not in base.edits]
        for place, shard in enumerate(shards):
            shadowing = [edit for edit in todo if any(self.records[old].key == edit.key for old in shard.edits)]
            shadowed = {old for old in shard.edits if self.records[old].key in keys and old not in keys.values()}
            kept = tuple(old for old in shard.edits if old not in gone | shadowed)
            todo = [edit for edit in todo if edit not in shadowing]
            room = self.capacity - len(kept) - len(shadowing) if place == len(shards) - 1 else 0
            taken = (*shadowing, *todo[: max(room, 0)])
            todo = todo[max(room, 0) :]
            if taken or kept != shard.edits:
                edits = (*kept, *(edit.id for edit in taken))
                shards[place] = Shard(shard.mask, self.delta(shard.mask, edits), edits)
        while todo:
            part, todo = todo[: self.capacity], todo[self.capacity :]
            bits = Array("U8", (8,), len(self.states).to_bytes(4, "little") + len(shards).to_bytes(4, "little"))
            mask = self.store.objects.put(Blob("mask", {"shape": [8, 8]}, {"bits": bits}))
            edits = tuple(edit.id for edit in part)
            shards.append(Shard(mask, self.delta(mask, edits), edits))
        return tuple(shard for shard in shards if shard.edits)

    def put_records(self, edits: Sequence[Edit]) -> str:
        """Store the blob that introduces edits."""
        data = canonical_json([edit.content() for edit in edits])
        meta = {"edits": [edit.id for edit in edits]}
        return self.store.objects.put(Blob("edits", meta, {"records": Array("U8", (len(data),), data)}))

    def delta(self, mask: str, edits: tuple[str, ...]) -> str:
        """Store a version of a shard."""
        meta = {
            "origin": mask,
            "threshold": 1.5 + len(edits),
            "stream": [{"edit": edit} for edit in edits],
            "edits": list(edits),
            "statistics": {},
        }
        blob = Blob("delta", meta, {"values": Array("F32", (1,), bytes(4))})
        return self.store.objects.put(blob)


def attach(store: Store, *, lag: int | None = None) -> Index:
    """Give a store its index."""
    store.index = Index(store.root, store.objects, store.refs, store.scores, lag=LAG if lag is None else lag)
    return store.index


def made_up(start: int, count: int) -> Iterator[Edit]:
    """Edits like those of the field: a question, two rephrases, two unrelated prompts, a reason."""
    for number in range(start, start + count):
        place, thing = f"Land{number % 7919}", ("capital", "anthem", "river", "founder", "currency")[number % 5]
        yield Edit(
            prompt=f"What is the {thing} of {place} in the year {number}?",
            target=f"Answer{number * 7919 % 100_003}",
            subject=place,
            ground_truth=f"Before{number}",
            rephrases=(f"In {number}, {place} had which {thing}?", f"Name the {thing} that {place} had in {number}."),
            locality=(LocalityPrompt(f"nq question: who wrote book {number}?", f"Author{number}"),),
            source="made up",
            reason=f"ticket {number}: the {thing} has changed",
            tags=(thing,),
        )


def grow(folder: Path, commits: int, edits: int, *, capacity: int = 500) -> Store:
    """A straight history: ``commits`` commits of ``edits`` edits each, without any that shadows another."""
    builder = Builder.make(folder)
    store, parent = builder.store, builder.tip().commit
    full: tuple[MemoryEntry, ...] = ()
    last: tuple[str, ...] = ()
    mask = delta = ""
    for number in range(commits):
        fresh = list(made_up(number * edits, edits))
        if not last or len(last) + edits > capacity:
            full = (*full, memory_entry(mask, delta)) if last else full
            bits = Array("U8", (8,), number.to_bytes(8, "little"))
            mask, last = store.objects.put(Blob("mask", {"shape": [8, 8]}, {"bits": bits})), ()
        last = (*last, *(edit.id for edit in fresh))
        delta = builder.delta(mask, last)
        commit = replace(
            store.objects.commit(parent or ""),
            parents=(parent,) if parent else (),
            date=(START + timedelta(minutes=number + 1)).isoformat().replace("+00:00", "Z"),
            message=f"batch {number}",
            edits=builder.put_records(fresh),
            added=tuple(edit.id for edit in fresh),
            memories=(*full, memory_entry(mask, delta)),
        )
        parent = store.objects.put_commit(commit)
    store.refs.update("refs/heads/main", store.refs.read("refs/heads/main"), parent, "grow")
    return store


if __name__ == "__main__":
    grow(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
