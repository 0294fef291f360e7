"""A memory with one of its edits switched off: the gate doesn't find it any more, nothing is trained."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.kinds.codebook import Codebook
from wisedb.memory.memory import Memory


def without_edit(memory: Memory, edit_id: str) -> Memory | None:
    """The memory without what leads to an edit: its keys, or its row of a codebook.

    Args:
        memory: one that holds it.
        edit_id: the edit.

    Returns:
        ``None`` where neither keys nor rows tell the memory's edits apart: in an always-on change each edit is
        everywhere.
    """
    place = memory.edits.index(edit_id)
    if memory.gate.keys is not None:
        keys = _without_keys(memory.gate.keys, place)
        return replace(memory, gate=replace(memory.gate, keys=keys))
    if isinstance(memory.change, Codebook):
        edits = tuple(each for each in memory.edits if each != edit_id)
        return replace(memory, change=_without_row(memory.change, place), edits=edits)
    return None


def _without_keys(keys: EditKeys, place: int) -> EditKeys:
    kept = keys.owners != place
    number, lengths = keys.readings[:, 0].long(), keys.readings[:, 1].long()
    there = kept[number]
    readings = keys.readings[there].clone()
    readings[:, 0] = (kept.cumsum(0) - 1)[number[there]].to(readings.dtype)
    return replace(
        keys,
        owners=keys.owners[kept],
        relations=keys.relations[kept],
        knowledge=keys.knowledge[kept],
        tokens=_of_rows(keys.tokens, lengths, there),
        readings=readings,
        stops=keys.stops[kept],
        conversations=_of_rows(keys.conversations, keys.conversation_lengths.long(), kept),
        conversation_lengths=keys.conversation_lengths[kept],
        scripts=keys.scripts[kept],
        typed=keys.typed[kept],
    )


def _of_rows(values: Tensor, lengths: Tensor, kept: Tensor) -> Tensor:
    """Of values that belong to rows, so many to each, those of the rows that are kept."""
    return values[kept.repeat_interleave(lengths)]


def _without_row(codebook: Codebook, place: int) -> Codebook:
    kept = torch.arange(len(codebook.keys)) != place
    owners = codebook.owners.clone()
    # What the row answered for besides its own edit answers by itself again.
    left = torch.nonzero((owners == place) & kept)[:, 0]
    owners[left] = left
    moved = owners[kept]
    return Codebook(
        codebook.module,
        codebook.keys[kept],
        codebook.values[kept],
        codebook.radii[kept],
        moved - (moved > place).to(moved.dtype),
    )
