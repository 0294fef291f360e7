"""A memory's keys: made once for each edit, kept as a blob, and taken over from version to version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

import torch

from wisedb.edits import Edit
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.memory_codec import KEYS, STATISTICS, key_format_of, keys_blob, keys_from, statistics_from
from wisedb.store.memory_entry import MemoryEntry

if TYPE_CHECKING:
    from wisedb.memory.gates.base import KeyFormat
    from wisedb.model.base import LoadedBase


class KeyWriter:
    """Gives the memories of one commit their keys.

    Keys are compared with each other, so that all memories of a commit rest on the same statistics.

    Args:
        base: the base model; it is left as it was.
        pending: where blobs are read from and put.
        statistics: the blob of the statistics.
    """

    def __init__(self, base: LoadedBase, pending: PendingBlobs, statistics: str) -> None:
        self._base = base
        self._pending = pending
        self._id = statistics
        self._statistics = base.derived.get(
            ("statistics", statistics), lambda: statistics_from(pending.get(statistics))
        )

    def keyed(
        self, entry: MemoryEntry, edits: Sequence[Edit], *, rephrases: bool, format: KeyFormat = "both"
    ) -> MemoryEntry:
        """A memory with the keys of its edits.

        An edit's keys are the same whatever other edits there are, so that those that the entry holds are taken over,
        and what comes out depends on the edits alone.

        Args:
            entry: the memory, with the keys of its earlier version if it has some.
            edits: those in force in it, in its order.
            rephrases: whether their rephrases are keys too.
            format: of which prompts keys are made.
        """
        wanted = [edit.id for edit in edits]
        ring, held = self._held(entry, rephrases, format)
        if held == wanted and held:
            return entry
        there = set(held)
        fresh = [edit for edit in edits if edit.id not in there]
        rings = [(ring, held)] if ring is not None else []
        if fresh:
            model, tokenizer = self._base.model, self._base.tokenizer
            projection = self._base.projection(entry.modules[0])
            made = build_keys(model, projection, tokenizer, self._statistics, fresh, rephrases=rephrases, format=format)
            rings.append((made, [edit.id for edit in fresh]))
        blob = keys_blob(_in_order(rings, wanted), wanted, self._id, rephrases=rephrases, format=format)
        keys = self._pending.put(blob, entry.blobs.get(KEYS))
        return replace(entry, blobs={**entry.blobs, KEYS: keys, STATISTICS: self._id})

    def _held(self, entry: MemoryEntry, rephrases: bool, format: KeyFormat) -> tuple[EditKeys | None, list[str]]:
        # The keys that an entry has, and whose they are.
        if KEYS not in entry.blobs or entry.blobs.get(STATISTICS) != self._id:
            return None, []
        blob = self._pending.get(entry.blobs[KEYS])
        if blob.meta.get("rephrases") is not rephrases or key_format_of(blob.meta) != format:
            return None, []
        return keys_from(blob, self._statistics), list(blob.meta["edits"])


def _in_order(rings: Sequence[tuple[EditKeys, Sequence[str]]], wanted: Sequence[str]) -> EditKeys:
    """The keys of the wanted edits, in their order, out of rings and whose keys each holds."""
    if [edit_id for _, ids in rings for edit_id in ids] == list(wanted):
        # As whenever edits are only added: nobody's keys need to be looked for.
        ends = accumulate(len(ids) for _, ids in rings)
        return EditKeys.joined(
            [(ring, range(end - len(ids), end)) for (ring, ids), end in zip(rings, ends, strict=True)]
        )
    held = {edit_id: _only(ring, place) for ring, ids in rings for place, edit_id in enumerate(ids)}
    return EditKeys.joined([(held[edit_id], (place,)) for place, edit_id in enumerate(wanted)])


def _only(ring: EditKeys, owner: int) -> EditKeys:
    """The keys of one of the ring's edits, as a ring of that edit alone."""
    chosen = ring.owners == owner
    key, length = ring.readings[:, 0].long(), ring.readings[:, 1].long()
    kept = chosen[key]
    readings = ring.readings[kept].clone()
    # The keys that stay count from 0.
    readings[:, 0] = (chosen.cumsum(0) - 1)[key[kept]].to(readings.dtype)
    return EditKeys(
        ring.statistics,
        torch.zeros(int(chosen.sum()), dtype=ring.owners.dtype),
        ring.relations[chosen],
        ring.knowledge[chosen],
        ring.tokens[kept.repeat_interleave(length)],
        readings,
        ring.stops[chosen],
        ring.conversations[chosen.repeat_interleave(ring.conversation_lengths.long())],
        ring.conversation_lengths[chosen],
        ring.scripts[chosen],
        ring.typed[chosen],
    )
