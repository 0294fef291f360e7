"""Whether an answer comes from the memory that is said to hold it: each is switched off, and asked again.

Where the memory of an edit is off, the unedited model's answer must come back; where another one is off instead, the
edit's answer must stay.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wisedb.serving.attached import attached
from wisedb.serving.replies import edit_answers

if TYPE_CHECKING:
    from wisedb.edits import Edit
    from wisedb.memory.memory import Memory
    from wisedb.model.base import LoadedBase

EDITS: Final = 20
"""How many edits are asked, at most, evenly spread."""


@dataclass(frozen=True, slots=True)
class Disabled:
    """Shares of the edits asked, 0 to 1.

    Attributes:
        restored: whose answer, with their memory off, is the unedited model's, word for word.
        kept: whose answer, with a random other memory off, is what it was, word for word; ``None`` where there is but
            one memory.
    """

    restored: float
    kept: float | None


def disable(
    base: LoadedBase, memories: Sequence[Memory], edits: Sequence[Edit], seed: int, *, chat: bool = False
) -> Disabled | None:
    """Ask edits with their memory, and with another, switched off.

    An always-on memory that was computed on the one that is off stays as it is.

    Args:
        base: the model, plain; it is left as it was.
        memories: those of a commit.
        edits: in force, or not: those that no memory holds are passed over.
        seed: chooses the other memory.
        chat: ask each as a user's message behind the chat template.

    Returns:
        ``None`` where no memory holds any of the edits.
    """
    home = {edit_id: place for place, memory in enumerate(memories) for edit_id in memory.edits}
    held = evenly([edit for edit in edits if edit.id in home], EDITS)
    if not held:
        return None
    plain = _texts(base, [], held, chat)
    whole = _texts(base, memories, held, chat)
    chance = random.Random(seed)
    restored, kept = 0, 0
    for place in sorted({home[edit.id] for edit in held}):
        rows = [row for row, edit in enumerate(held) if home[edit.id] == place]
        asked = [held[row] for row in rows]
        off = _texts(base, _without(memories, place), asked, chat)
        restored += sum(text == plain[row] for text, row in zip(off, rows, strict=True))
        if len(memories) > 1:
            other = chance.choice([number for number in range(len(memories)) if number != place])
            off = _texts(base, _without(memories, other), asked, chat)
            kept += sum(text == whole[row] for text, row in zip(off, rows, strict=True))
    return Disabled(restored / len(held), kept / len(held) if len(memories) > 1 else None)


def evenly(edits: Sequence[Edit], most: int) -> list[Edit]:
    """At most so many of the edits, evenly spread over their order."""
    count = min(most, len(edits))
    return [edits[number * len(edits) // count] for number in range(count)]


def _without(memories: Sequence[Memory], place: int) -> list[Memory]:
    return [memory for number, memory in enumerate(memories) if number != place]


def _texts(base: LoadedBase, memories: Sequence[Memory], edits: Sequence[Edit], chat: bool) -> list[str]:
    with attached(base, memories) as handle:
        return [answer.text for answer in edit_answers(base, edits, handle, chat=chat)]
