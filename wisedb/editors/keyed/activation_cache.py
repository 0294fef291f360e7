"""The rows of a shard's earlier edits, kept from one lesson to the next: a stream that arrives one by one asks for the
same ones again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wisedb.editors.keyed.batches import Row

Sequences = Sequence[tuple[list[int], int]]
"""The ids of prompt and answer, and how many of them are the prompt's, of each view of one edit."""

_BYTES = 256 << 20


class KeptRows:
    """Rows by what they are rows of; those that were asked for longest ago are let go first.

    An edit's views are computed together and without those of others, so that what is kept is the same to the bit
    whatever was asked before.

    Args:
        room: bytes that they may take.
    """

    def __init__(self, room: int = _BYTES) -> None:
        self._room = room
        self._rows: OrderedDict[tuple[tuple[int, ...], ...], Sequence[Row]] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that the rows take."""
        return self._size

    def rows(self, views: Sequences, lower: Callable[[Sequences], Sequence[Row]]) -> Sequence[Row]:
        """The rows of an edit's views.

        Args:
            views: the edit's views.
            lower: computes rows, in one batch.
        """
        key = tuple((prompt, *ids) for ids, prompt in views)
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = lower(views)
            self._size += _bytes_of(found)
        self._rows.move_to_end(key)
        while self._size > self._room:
            self._size -= _bytes_of(self._rows.popitem(last=False)[1])
        return found


def _bytes_of(rows: Sequence[Row]) -> int:
    tensors = (tensor for row in rows for tensor in (row.ids, row.features, row.hidden) if tensor is not None)
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
