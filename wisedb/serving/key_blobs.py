"""A memory's keys and the statistics that they rest on: made once, kept as blobs, read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import torch

from wisedb.config import BaseModel
from wisedb.editors.common.pool import Pool
from wisedb.edits import Edit
from wisedb.errors import CorruptObject
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.edit_keys import KeyRing
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.model.locate import locate
from wisedb.model.tensors import from_raw, to_raw
from wisedb.store.blobs import Array, Blob
from wisedb.store.commits import MemoryEntry
from wisedb.store.derived_cache import remembered_blob

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.serving.memory_codec import Draft, Shelf

KEYS, STATISTICS = "keys", "statistics"
"""The roles of these blobs in a memory, and their kinds."""


class KeyWriter:
    """Gives the memories of one commit their keys.

    Keys are compared with each other, so that all memories of a commit rest on the same statistics: those of the base
    model over one pool.

    Args:
        base: the base model; it is left as it was.
        record: which model that is, and which projection is edited.
        draft: where blobs are read from and put.
        pool: the pool's blob, whose prompts the statistics are measured over.
    """

    def __init__(self, base: LoadedBase, record: BaseModel, draft: Draft, pool: str | None) -> None:
        self._base = base
        self._record = record
        self._draft = draft
        self._pool = pool
        self._projection = locate(base.model, record.target)

    @cached_property
    def _statistics(self) -> tuple[str, Statistics]:
        blob, statistics = known_statistics(self._base, self._record, self._draft, self._pool)
        return self._draft.put(blob), statistics

    def prepare(self) -> str:
        """Measure the statistics, or find them again; returns their blob's id."""
        return self._statistics[0]

    def keyed(self, entry: MemoryEntry, edits: Sequence[Edit], *, rephrases: bool) -> MemoryEntry:
        """A memory with the keys of its edits.

        An edit's keys are the same whatever other edits there are, so that those that the entry holds are taken over,
        and what comes out depends on the edits alone.

        Args:
            entry: the memory, with the keys of its earlier version if it has some.
            edits: those in force in it, in its order.
            rephrases: whether their rephrases are keys too.

        Raises:
            UsageError: the pool is too small for statistics.
        """
        statistics_id, statistics = self._statistics
        wanted = [edit.id for edit in edits]
        ring, held = self._held(entry, rephrases)
        if held == wanted and held:
            return entry
        there = set(held)
        fresh = [edit for edit in edits if edit.id not in there]
        rings = [(ring, held)] if ring is not None else []
        if fresh:
            model, tokenizer = self._base.model, self._base.tokenizer
            made = build_keys(model, self._projection, tokenizer, statistics, fresh, rephrases=rephrases)
            rings.append((made, [edit.id for edit in fresh]))
        blob = keys_blob(_in_order(rings, wanted), wanted, statistics_id, rephrases=rephrases)
        keys = self._draft.put(blob, entry.blobs.get(KEYS))
        return replace(entry, blobs={**entry.blobs, KEYS: keys, STATISTICS: statistics_id})

    def _held(self, entry: MemoryEntry, rephrases: bool) -> tuple[KeyRing | None, list[str]]:
        # The keys that an entry has, and whose they are.
        statistics_id, statistics = self._statistics
        if KEYS not in entry.blobs or entry.blobs.get(STATISTICS) != statistics_id:
            return None, []
        blob = self._draft.get(entry.blobs[KEYS])
        if blob.meta.get("rephrases") is not rephrases:
            return None, []
        return keys_from(blob, statistics), list(blob.meta["edits"])


def known_statistics(base: LoadedBase, record: BaseModel, blobs: Shelf, pool: str | None) -> tuple[Blob, Statistics]:
    """The statistics of a base model over a pool, found out once a loaded model; see :func:`measured_statistics`.

    Args:
        base: the base model; it is left as it was.
        record: which model that is, and which projection is edited.
        blobs: where the pool is read from.
        pool: the pool's blob.

    Raises:
        UsageError: the pool is too small.
    """

    def measure() -> tuple[Blob, Statistics]:
        blob = measured_statistics(base, record, None if pool is None else blobs.get(pool))
        return blob, statistics_from(blob)

    return base.derived.get((STATISTICS, record.fingerprint, record.target, base.model.dtype, pool), measure)


def measured_statistics(base: LoadedBase, record: BaseModel, pool: Blob | None) -> Blob:
    """The statistics of a base model over a pool's prompts, measured once and remembered.

    Args:
        base: the base model; it is left as it was.
        record: which model that is, and which projection is edited.
        pool: the pool's blob.

    Raises:
        UsageError: the pool is too small.
    """
    prompts = () if pool is None else Pool.from_meta(pool.meta).prompts
    pool_id = None if pool is None else pool.id

    def measure() -> Blob:
        found = compute_statistics(base.model, locate(base.model, record.target), base.tokenizer, prompts)
        return Blob(STATISTICS, {**found.meta(), "pool": pool_id}, _arrays(found.tensors()))

    return remembered_blob(STATISTICS, (record.fingerprint, record.target, str(base.model.dtype), pool_id), measure)


def keys_blob(ring: KeyRing, edits: Sequence[str], statistics_id: str, *, rephrases: bool = False) -> Blob:
    """A memory's keys; ``edits`` are the ids that the keys' owners count."""
    meta = {"edits": list(edits), "statistics": statistics_id, "rephrases": rephrases}
    return Blob(KEYS, meta, _arrays(ring.tensors()))


def keys_from(blob: Blob, statistics: Statistics) -> KeyRing:
    """What :func:`keys_blob` kept.

    Raises:
        CorruptObject: it is none, or its parts don't belong together.
    """
    return KeyRing.from_tensors(_tensors(blob, KEYS), statistics)


def statistics_from(blob: Blob) -> Statistics:
    """The statistics that a blob holds. Raises as :func:`keys_from`."""
    return Statistics.from_tensors(_tensors(blob, STATISTICS), blob.meta)


def _in_order(rings: Sequence[tuple[KeyRing, Sequence[str]]], wanted: Sequence[str]) -> KeyRing:
    """The keys of the wanted edits, in their order, out of rings and whose keys each holds."""
    if [edit_id for _, ids in rings for edit_id in ids] == list(wanted):
        # As whenever edits are only added: nobody's keys need to be looked for.
        ends = accumulate(len(ids) for _, ids in rings)
        return KeyRing.joined(
            [(ring, range(end - len(ids), end)) for (ring, ids), end in zip(rings, ends, strict=True)]
        )
    held = {edit_id: _only(ring, place) for ring, ids in rings for place, edit_id in enumerate(ids)}
    return KeyRing.joined([(held[edit_id], (place,)) for place, edit_id in enumerate(wanted)])


def _only(ring: KeyRing, owner: int) -> KeyRing:
    """The keys of one of the ring's edits, as a ring of that edit alone."""
    chosen = ring.owners == owner
    key, length = ring.readings[:, 0].long(), ring.readings[:, 1].long()
    kept = chosen[key]
    readings = ring.readings[kept].clone()
    # The keys that stay count from 0.
    readings[:, 0] = (chosen.cumsum(0) - 1)[key[kept]].to(readings.dtype)
    return KeyRing(
        ring.statistics,
        torch.zeros(int(chosen.sum()), dtype=ring.owners.dtype),
        ring.relations[chosen],
        ring.knowledge[chosen],
        ring.tokens[kept.repeat_interleave(length)],
        readings,
    )


def _arrays(tensors: dict[str, torch.Tensor]) -> dict[str, Array]:
    return {name: Array(*to_raw(tensor)) for name, tensor in tensors.items()}


def _tensors(blob: Blob, kind: str) -> dict[str, torch.Tensor]:
    if blob.kind != kind:
        raise CorruptObject(f"blob {blob.id[:12]} holds no {kind}", hint="Run 'wisedb fsck'.")
    return {name: from_raw(array.dtype, array.shape, array.data) for name, array in blob.arrays.items()}
