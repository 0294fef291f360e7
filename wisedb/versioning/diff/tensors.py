"""How the memories of two commits differ as tensors: norms, changes, and where shards overlap."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.serving.memory_codec import read_memory

if TYPE_CHECKING:
    from wisedb.memory.memory import Memory
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class MemoryDiff:
    """One memory at two commits.

    Attributes:
        id: the memory.
        entries: how many weights it may change.
        before: the Frobenius norm of its ΔW at the first commit, ``None`` where it isn't there.
        after: the same at the second.
        change: the norm of the difference.
    """

    id: str
    entries: int
    before: float | None
    after: float | None
    change: float

    def to_json(self) -> dict[str, Any]:
        """``{"id", "entries", "from", "to", "change"}``."""
        return {
            "id": self.id,
            "entries": self.entries,
            "from": self.before,
            "to": self.after,
            "change": self.change,
        }


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two memories of the second commit.

    Attributes:
        one: the one.
        other: the other.
        shared: the share of the smaller mask that lies in the larger.
        agreement: on the shared entries that both changed, the share with equal signs; ``None`` where there are none.
    """

    one: str
    other: str
    shared: float
    agreement: float | None

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"one": self.one, "other": self.other, "shared": self.shared, "sign_agreement": self.agreement}


@dataclass(frozen=True, slots=True)
class TensorDiff:
    """The memories of two commits.

    Attributes:
        memories: each memory that either has.
        overlaps: each pair of masked deltas of the second commit at one module.
    """

    memories: tuple[MemoryDiff, ...]
    overlaps: tuple[Overlap, ...]

    def to_json(self) -> dict[str, Any]:
        """``{"memories", "overlaps"}``."""
        return {
            "memories": [memory.to_json() for memory in self.memories],
            "overlaps": [overlap.to_json() for overlap in self.overlaps],
        }


def diff_tensors(store: Store, a: str, b: str) -> TensorDiff:
    """Compare the memories of two commits.

    Raises:
        UnknownRevision: one of them is none.
    """
    before = {entry.id: entry for entry in store.objects.commit(store.resolve(a)).memories}
    after = {entry.id: entry for entry in store.objects.commit(store.resolve(b)).memories}
    held = {memory_id: read_memory(store.objects, entry) for memory_id, entry in after.items()}
    found = []
    for memory_id in dict.fromkeys((*before, *after)):
        new = held.get(memory_id)
        entry = before.get(memory_id)
        old = None if entry is None else new if entry == after.get(memory_id) else read_memory(store.objects, entry)
        found.append(_compare(memory_id, old, new))
    overlaps = [_overlap(one, other) for one, other in combinations(held.values(), 2)]
    return TensorDiff(tuple(found), tuple(overlap for overlap in overlaps if overlap is not None))


def _compare(memory_id: str, old: Memory | None, new: Memory | None) -> MemoryDiff:
    if new is None:
        assert old is not None
        found = old.change.compare(None)
        return MemoryDiff(memory_id, int(found["entries"]), found["norm"], None, found["norm"])
    earlier = None if old is None or type(old.change) is not type(new.change) else old.change
    found = new.change.compare(earlier)
    norm = None if old is None else old.change.compare(None)["norm"]
    return MemoryDiff(memory_id, int(found["entries"]), norm, found["norm"], found["change"])


def _overlap(one: Memory, other: Memory) -> Overlap | None:
    """Where two masked deltas lie; other kinds have no entries to share."""
    first, second = one.change, other.change
    if not isinstance(first, MaskedDelta) or not isinstance(second, MaskedDelta) or first.module != second.module:
        return None
    both = first.mask & second.mask
    smaller = max(1, min(int(first.mask.sum()), int(second.mask.sum())))
    products = (first.dense().float() * second.dense().float())[both]
    decided = products[products != 0]
    return Overlap(
        one.id,
        other.id,
        int(both.sum()) / smaller,
        float((decided > 0).float().mean()) if decided.numel() else None,
    )
