"""The cached activations of a shard's earlier edits, kept from one commit to the next.

A stream that arrives one by one asks for the same ones again and again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from wisedb.editors.common.sequences import CachedSequence, Encoded

# Set by hand: a shard of 500 facts of a 7B model, twenty tokens each, is about as large.
_BYTES = 256 << 20


class ActivationCache:
    """Cached sequences by their tokens; the least recently used go first.

    An edit's own prompt is computed by itself, and its other ones together, so that what is cached is the same to the
    bit whatever was asked before.

    Args:
        capacity: bytes that they may take.
    """

    def __init__(self, capacity: int = _BYTES) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[tuple[tuple[int, ...], ...], Sequence[CachedSequence]] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that are taken."""
        return self._size

    def get(
        self,
        prompts: Sequence[Encoded],
        compute: Callable[[Sequence[Encoded]], Sequence[CachedSequence]],
        kept: bool = False,
    ) -> Sequence[CachedSequence]:
        """The sequences of some of an edit's prompts.

        Args:
            prompts: the edit under each of them.
            compute: gives the sequences, in one batch.
            kept: whether it gives prompts as keys and values.
        """
        key = tuple((kept, each.prompt, each.start, *each.ids) for each in prompts)
        found = self._entries.get(key)
        if found is None:
            found = self._entries[key] = compute(prompts)
            self._size += sum(each.size for each in found)
        self._entries.move_to_end(key)
        while self._size > self._capacity:
            self._size -= sum(each.size for each in self._entries.popitem(last=False)[1])
        return found
