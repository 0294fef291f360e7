"""The questions that edits were learned with, and their subjects, as they stand in a chat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from wisedb.memory.gates.keys.edit_keys import EditKeys


class AskedOf(NamedTuple):
    """A question as token ids.

    Attributes:
        ids: the whole of it.
        subject: those of its subject, none where it isn't known.
        conversation: those of the whole conversation that it ends, up to where the reply begins; none where it is the
            first message.
    """

    ids: tuple[int, ...]
    subject: tuple[int, ...]
    conversation: tuple[int, ...] = ()


def questions_of(rings: Sequence[EditKeys | None], sizes: Sequence[int]) -> dict[int, AskedOf]:
    """Of each edit with a key of a question in a chat, its own question.

    Args:
        rings: the keys, one ring a memory, in the order in which the memories are counted.
        sizes: how many edits each memory holds.

    Returns:
        By the edit, counted over all memories' edits.
    """
    found: dict[int, AskedOf] = {}
    before = 0
    for ring, size in zip(rings, sizes, strict=True):
        if ring is not None and len(ring):
            tokens = torch.split(ring.tokens, ring.readings[:, 1].tolist())
            behind = torch.split(ring.conversations, ring.conversation_lengths.tolist())
            # A key's first reading is its whole prompt, and an edit's first key that of its own one.
            for (key, _, first, last), ids in zip(ring.readings.tolist(), tokens, strict=True):
                if int(ring.stops[key]):
                    asked = AskedOf(tuple(ids.tolist()), tuple(ids[first:last].tolist()), tuple(behind[key].tolist()))
                    found.setdefault(before + int(ring.owners[key]), asked)
        before += size
    return found
