"""What the key router saw of the sequences in a key-value cache; see :mod:`wisedb.memory.cache_state`."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from wisedb.errors import UsageError
from wisedb.memory.gates.keys.index import KeyIndex

_ATTRIBUTE = "_wisedb_key_trail"


class Glimpse(NamedTuple):
    """Some positions of some sequences.

    Attributes:
        tokens: whitened tokens, float32 (B, T, p).
        relations: relation keys, not centred, float32 (B, T, r).
        marks: uint8 (B, T): what each token shows of names.
        seen: bool (B, T): the positions that a decision may see.
    """

    tokens: torch.Tensor
    relations: torch.Tensor
    marks: torch.Tensor
    seen: torch.Tensor

    def followed_by(self, other: Glimpse) -> Glimpse:
        """These positions and then those."""
        return Glimpse(*(torch.cat(pair, dim=1) for pair in zip(self, other, strict=True)))

    def upto(self, count: int) -> Glimpse:
        """The first positions."""
        return Glimpse(*(part[:, :count] for part in self))

    def latest(self, count: int) -> Glimpse:
        """The last positions."""
        return Glimpse(*(part[:, -count:] for part in self))

    def repeated(self, times: int) -> Glimpse:
        """Each row ``times`` times, one after the other."""
        return Glimpse(*(part.repeat_interleave(times, dim=0) for part in self))


class KeyTrail:
    """All positions that plain calls put into one cache: a few dozen numbers a token.

    Args:
        index: the keys that were compared; others whiten otherwise.
        parts: (first position, glimpse), in order. A cache whose length only the device knows has no first position.
    """

    attribute = _ATTRIBUTE

    def __init__(self, index: KeyIndex, parts: tuple[tuple[int | None, Glimpse], ...] = ()) -> None:
        self.index = index
        self.parts = parts

    def __deepcopy__(self, memo: dict[int, Any]) -> KeyTrail:
        return KeyTrail(self.index, self.parts)

    def before(self, past: int | torch.Tensor, rows: int) -> Glimpse | None:
        """The first ``past`` positions, or None if nothing was seen.

        Raises:
            UsageError: the cache's rows were rearranged so that they no longer are the rows that were seen.
        """
        found: Glimpse | None = None
        for start, part in self.parts:
            if isinstance(past, int) and start is not None:
                part = part.upto(max(0, past - start))
            elif isinstance(past, torch.Tensor):
                # A length of 0 says that a static cache was emptied.
                part = part._replace(seen=part.seen & (past > 0))
            found = part if found is None else found.followed_by(part)
        if found is None or found.seen.shape[1] == 0:
            return None
        times, rest = divmod(rows, found.seen.shape[0])
        if rest or not times:
            raise UsageError(
                f"the cache was filled by {found.seen.shape[0]} rows and is used by {rows}",
                hint="Repeat a cache's rows with batch_repeat_interleave, or compute the cache anew.",
            )
        return found if times == 1 else found.repeated(times)

    def extended(self, past: int | torch.Tensor, now: Glimpse, room: int | None = None) -> KeyTrail:
        """With the positions from ``past`` on; ``room`` is how many a cache of fixed size can hold."""
        if isinstance(past, int):
            kept = tuple(
                (start, part.upto(past - start) if start is not None else part)
                for start, part in self.parts
                if start is None or start < past
            )
            return KeyTrail(self.index, (*kept, (past, now)))
        earlier = self.before(past, now.seen.shape[0])
        whole = now if earlier is None else earlier.followed_by(now)
        return KeyTrail(self.index, ((None, whole if room is None else whole.latest(room)),))


def key_trail_of(cache: Any, index: KeyIndex) -> KeyTrail:
    """The trail that the cache carries, or an empty one if it carries none of these keys."""
    trail = getattr(cache, _ATTRIBUTE, None)
    return trail if isinstance(trail, KeyTrail) and trail.index is index else KeyTrail(index)
