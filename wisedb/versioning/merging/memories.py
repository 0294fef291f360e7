"""Side memories of two lines of history joined, so that they hold exactly the facts of the merge. No torch.

A memory that one side alone changed or made is kept byte for byte. One that both changed, or made under one mask, goes
on from our version: facts that went out of force leave it, and what the other side added to it is written behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from wisedb.editors.protocol import Editor
from wisedb.editors.streams import ShardPlan, ShardStream, StreamItem, effective
from wisedb.edits import Edit
from wisedb.store.commits import MemoryEntry


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a memory.

    Attributes:
        entry: as a commit lists it.
        shard: what it holds.
    """

    entry: MemoryEntry
    shard: ShardStream


@dataclass(frozen=True, slots=True)
class Joined:
    """The memories of a merge.

    Attributes:
        versions: the version of each memory from which the merge goes on: ours first, in their order, then the other
            side's.
        plans: the memories that must change, in the same order, new ones last.
    """

    versions: tuple[Version, ...]
    plans: tuple[ShardPlan, ...]


def join(
    bases: Sequence[Mapping[str, str]],
    ours: Sequence[Version],
    theirs: Sequence[Version],
    facts: Mapping[str, Edit],
    losers: Mapping[str, Collection[str]],
    editor: Editor,
    settings: object,
    seed: int,
) -> Joined:
    """Find homes for the facts of a merge.

    Args:
        bases: of each merge base, memory id → main blob.
        ours: the memories of the side that is merged into.
        theirs: those of the other side.
        facts: prompt, normalised → the edit that shall be in force; any other leaves the memories.
        losers: prompt, normalised → ids of edits that must not stay in a memory even superseded.
        editor: who plans where edits go that no memory holds.
        settings: its settings, for memories that are begun here.
        seed: likewise.
    """
    versions = _versions(bases, ours, theirs)
    homes = _homes(versions, ours, theirs, facts)
    streams = {
        memory: _cleaned(version.shard.stream, memory, homes, facts, losers) for memory, version in versions.items()
    }
    held = {memory: {item.edit.id for item in stream} for memory, stream in streams.items()}
    wanted: dict[str | None, list[Edit]] = {}
    for key, edit in facts.items():
        home = homes.get(key)
        if home is None or edit.id not in held[home]:
            wanted.setdefault(home, []).append(edit)

    def shards(open_: str | None) -> list[ShardStream]:
        # Only the memory that both sides changed may take edits: the others stay as they are.
        return [
            replace(version.shard, stream=streams[memory], open=memory == open_) for memory, version in versions.items()
        ]

    left = wanted.pop(None, [])
    for memory in [memory for memory in versions if memory in wanted]:
        plans = editor.plan(shards(memory), wanted[memory], (), settings, seed)
        taken = next((plan.stream for plan in plans if plan.id == memory), streams[memory])
        streams[memory] = taken
        there = {item.edit.id for item in taken}
        # A memory that is full, or that nothing is left of, leaves the rest to a new one.
        left += [edit for edit in wanted[memory] if edit.id not in there]
    begun = editor.plan(shards(None), left, (), settings, seed) if left else []
    changed = [
        ShardPlan(memory, None, streams[memory])
        for memory, version in versions.items()
        if streams[memory] != version.shard.stream
    ]
    return Joined(tuple(versions.values()), (*changed, *begun))


def _versions(
    bases: Sequence[Mapping[str, str]], ours: Sequence[Version], theirs: Sequence[Version]
) -> dict[str, Version]:
    found = {version.entry.id: version for version in ours}
    for version in theirs:
        memory = version.entry.id
        untouched = memory in found and any(base.get(memory) == found[memory].entry.main for base in bases)
        if memory not in found or untouched:
            found[memory] = version
    return found


def _homes(
    versions: Mapping[str, Version], ours: Sequence[Version], theirs: Sequence[Version], facts: Mapping[str, Edit]
) -> dict[str, str]:
    """Prompt → the memory where its fact shall live: one, even if both sides wrote it. Best wish first."""
    kept = list(versions.values())
    wishes: tuple[dict[str, str], ...] = (
        _holders([version for version in ours if versions[version.entry.id] == version]),
        _holders(kept),
        _holders(kept, superseded=True),
        _holders(ours),
        _holders(theirs),
    )
    by_prompt = {
        item.edit.key: version.entry.id for version in (*theirs, *ours) for item in effective(version.shard.stream)
    }
    homes: dict[str, str] = {}
    for key, edit in facts.items():
        home = next((wish[edit.id] for wish in wishes if edit.id in wish), by_prompt.get(key))
        if home is not None:
            homes[key] = home
    return homes


def _holders(versions: Sequence[Version], *, superseded: bool = False) -> dict[str, str]:
    """Edit → the first memory where it is in force, or is in the stream at all."""
    return {
        item.edit.id: version.entry.id
        for version in reversed(versions)
        for item in (version.shard.stream if superseded else effective(version.shard.stream))
    }


def _cleaned(
    stream: Sequence[StreamItem],
    memory: str,
    homes: Mapping[str, str],
    facts: Mapping[str, Edit],
    losers: Mapping[str, Collection[str]],
) -> tuple[StreamItem, ...]:
    """The stream without what must not be in force here, or come back."""
    last = {item.edit.id: place for place, item in enumerate(stream)}

    def stays(place: int, item: StreamItem) -> bool:
        key = item.edit.key
        fact = facts.get(key)
        if fact is None or homes.get(key) != memory or item.edit.id in losers.get(key, ()):
            return False
        return fact.id not in last or place <= last[fact.id]

    return tuple(item for place, item in enumerate(stream) if stays(place, item))
