"""Side memories of two lines of history joined, so that they hold exactly the facts of the merge. No torch.

A memory that one side alone changed or made is kept byte for byte. One that both changed, or made under one mask, goes
on from our version: facts that went out of force leave it, and what the other side added to it is written behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from wisedb.config import EditorChoice
from wisedb.editors.registry import bind
from wisedb.editors.streams import Held, Planned, StreamItem, effective, in_force
from wisedb.edits import Edit
from wisedb.store.memory_entry import MemoryEntry
from wisedb.versioning.planning import Plan
from wisedb.versioning.streams import Owned, alike


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a memory.

    Attributes:
        entry: as a commit lists it.
        owned: who began it, and what it holds.
    """

    entry: MemoryEntry
    owned: Owned

    @property
    def stream(self) -> tuple[StreamItem, ...]:
        """What it trained on and still holds."""
        return self.owned.held.stream


@dataclass(frozen=True, slots=True)
class Joined:
    """The memories of a merge.

    Attributes:
        versions: the version of each memory from which the merge goes on: ours first, in their order, then the other
            side's.
        plans: the memories that must change, in the same order, new ones last.
    """

    versions: tuple[Version, ...]
    plans: tuple[Plan, ...]


def join(
    bases: Sequence[Mapping[str, str]],
    ours: Sequence[Version],
    theirs: Sequence[Version],
    facts: Mapping[str, Edit],
    losers: Mapping[str, Collection[str]],
    choice: EditorChoice,
) -> Joined:
    """Find homes for the facts of a merge.

    Args:
        bases: of each merge base, memory id → main blob.
        ours: the memories of the side that is merged into.
        theirs: those of the other side.
        facts: prompt, normalised → the edit that shall be in force; any other leaves the memories.
        losers: prompt, normalised → ids of edits that must not stay in a memory even superseded.
        choice: who plans where edits go that no memory ever held.
    """
    versions = _versions(bases, ours, theirs)
    homes = _homes(versions, ours, theirs, facts)
    streams = {memory: _cleaned(version.stream, memory, homes, facts, losers) for memory, version in versions.items()}
    held = {memory: {item.edit.id for item in stream} for memory, stream in streams.items()}
    wanted: dict[str | None, list[Edit]] = {}
    for key, edit in facts.items():
        home = homes.get(key)
        if home is None or edit.id not in held[home]:
            wanted.setdefault(home, []).append(edit)

    def held_by(editor: str, open_: str | None) -> list[Held]:
        # Only the memory that both sides changed may take edits: the others stay as they are.
        return [
            replace(version.owned.held, stream=streams[memory], open=memory == open_)
            for memory, version in versions.items()
            if version.owned.owner.name == editor
        ]

    left: list[tuple[EditorChoice, list[Edit]]] = [(choice, wanted.pop(None, []))]
    for memory in [memory for memory in versions if memory in wanted]:
        owner = versions[memory].owned.owner
        plans = bind(owner).plan(held_by(owner.name, memory), wanted[memory], ())
        taken = next((planned.stream for planned in plans if planned.id == memory), streams[memory])
        streams[memory] = taken
        there = {item.edit.id for item in taken}
        # A memory that is full, or that nothing is left of, leaves the rest to a new one.
        left.append((owner, [edit for edit in wanted[memory] if edit.id not in there]))
    begun = [
        Plan(owner, planned)
        for owner, edits in _together(left)
        for planned in bind(owner).plan(held_by(owner.name, None), edits, ())
    ]
    changed = [
        Plan(version.owned.owner, Planned(memory, None, streams[memory]))
        for memory, version in versions.items()
        if streams[memory] != version.stream
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
    by_prompt = {edit.key: version.entry.id for version in (*theirs, *ours) for edit in in_force(version.stream)}
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
        for item in (version.stream if superseded else effective(version.stream))
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


def _together(left: Sequence[tuple[EditorChoice, list[Edit]]]) -> list[tuple[EditorChoice, list[Edit]]]:
    """Edits for new memories, those that are written alike together."""
    found: list[tuple[EditorChoice, list[Edit]]] = []
    for choice, edits in left:
        same = next((known for known, _ in enumerate(found) if alike(found[known][0], choice)), None)
        if same is not None:
            found[same][1].extend(edits)
        elif edits:
            found.append((choice, list(edits)))
    return found
