"""How the memories of two commits differ as tensors: norms, changes, and where shards overlap."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch

from wisedb.serving.memory_codec import read_memory

if TYPE_CHECKING:
    from wisedb.memory.kinds.masked_delta import SideMemory
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
        overlaps: each pair of memories of the second commit.
    """

    memories: tuple[MemoryDiff, ...]
    overlaps: tuple[Overlap, ...]

    def to_json(self) -> dict[str, Any]:
        """``{"memories", "overlaps"}``."""
        return {
            "memories": [memory.to_json() for memory in self.memories],
            "overlaps": [overlap.to_json() for overlap in self.overlaps],
        }


def tensor_diff(store: Store, a: str, b: str) -> TensorDiff:
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
    return TensorDiff(tuple(found), tuple(_overlap(one, other) for one, other in combinations(held.values(), 2)))


def _compare(memory_id: str, old: SideMemory | None, new: SideMemory | None) -> MemoryDiff:
    known = [memory.values.float() for memory in (old, new) if memory is not None]
    nothing = torch.zeros_like(known[0])
    one = nothing if old is None else old.values.float()
    other = nothing if new is None else new.values.float()
    return MemoryDiff(
        memory_id,
        known[0].numel(),
        None if old is None else float(one.norm()),
        None if new is None else float(other.norm()),
        float((other - one).norm()),
    )


def _overlap(one: SideMemory, other: SideMemory) -> Overlap:
    both = one.mask & other.mask
    smaller = max(1, min(int(one.mask.sum()), int(other.mask.sum())))
    products = (one.dense().float() * other.dense().float())[both]
    decided = products[products != 0]
    return Overlap(
        one.id,
        other.id,
        int(both.sum()) / smaller,
        float((decided > 0).float().mean()) if decided.numel() else None,
    )
