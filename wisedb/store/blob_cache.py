"""What this process wrote or read a moment ago, so that the next commit of a stream doesn't decode it once more.

An id is a statement about content: what is kept under one can't go stale. What a cache might hide is that the store has
lost the file meanwhile, so that each look asks for that first. Whoever checks the store reads the objects themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from wisedb.edits import Edit
from wisedb.errors import StoreError
from wisedb.store import search
from wisedb.store.blobs import Blob
from wisedb.store.commits import Commit
from wisedb.store.contents import check_named
from wisedb.store.index.gather import records_in
from wisedb.store.objects import Objects

if TYPE_CHECKING:
    from wisedb.store.queries import Source

LIMIT: Final = 256 << 20
"""Bytes of the blobs that are kept, at most."""

# What a blob takes beside its arrays and its meta.
_REST: Final = 1 << 10


class BlobCache:
    """The blobs and edits that were needed last, in front of the objects.

    Args:
        objects: where blobs are.
        limit: see :data:`LIMIT`.
    """

    def __init__(self, objects: Objects, *, limit: int = LIMIT) -> None:
        self._objects = objects
        self._limit = limit
        self._bytes = 0
        # The one that was asked for last comes last.
        self._blobs: dict[str, tuple[Blob, int]] = {}
        self._edits: dict[str, Edit] = {}

    def get(self, blob_id: str, /) -> Blob:
        """A blob whose meta fits its kind; raises as :meth:`wisedb.store.objects.Objects.get`."""
        found = self.peek(blob_id)
        if found is None:
            found = self._objects.get(blob_id)
            check_named(blob_id, found.kind, found.meta)
        self.keep(found)
        return found

    def peek(self, blob_id: str, /) -> Blob | None:
        """A blob, if it is kept and the store holds it still."""
        found = self._blobs.get(blob_id)
        return found[0] if found is not None and self._objects.blob_path(blob_id).is_file() else None

    def meta(self, blob_id: str, /) -> Mapping[str, Any]:
        """A blob's meta, which fits its kind; raises as :meth:`wisedb.store.objects.Objects.meta`."""
        found = self.peek(blob_id)
        if found is not None:
            return found.meta
        kind, meta = self._objects.meta(blob_id)
        check_named(blob_id, kind, meta)
        return meta

    def ensure(self, blob_ids: Iterable[str], /) -> None:
        """See :meth:`wisedb.store.objects.Objects.ensure`."""
        self._objects.ensure([blob_id for blob_id in blob_ids if self.peek(blob_id) is None])

    def keep(self, blob: Blob) -> None:
        """Keep a blob that the store holds; what was not asked for longest goes where it gets too much."""
        before = self._blobs.pop(blob.id, None)
        size = _size(blob) if before is None else before[1]
        self._bytes += size if before is None else 0
        self._blobs[blob.id] = (blob, size)
        while self._bytes > self._limit:
            self._bytes -= self._blobs.pop(next(iter(self._blobs)))[1]

    def edits(self, store: Source, commit: Commit, ids: Sequence[str]) -> list[Edit]:
        """The edits of these ids, in the order of the ids, and of no others the next time.

        Those that this didn't read before are most likely the ones that the commit brought along; the index is asked
        for the rest.

        Args:
            store: whose edits.
            commit: where they are in force.
            ids: which.

        Raises:
            UnknownEdit: as :func:`wisedb.store.search.edits_of`.
        """
        found = {edit_id: self._edits[edit_id] for edit_id in ids if edit_id in self._edits}
        if len(found) < len(set(ids)) and commit.edits is not None:
            # What is wrong with that blob the index says, if it matters.
            with suppress(StoreError):
                brought = records_in(commit.edits, self.get(commit.edits))
                found |= {edit.id: edit for edit in brought}
        lacking = [edit_id for edit_id in dict.fromkeys(ids) if edit_id not in found]
        found |= {edit.id: edit for edit in search.edits_of(store, lacking)}
        self._edits = {edit_id: found[edit_id] for edit_id in ids}
        return [found[edit_id] for edit_id in ids]


def _size(blob: Blob) -> int:
    return _REST + len(json.dumps(blob.meta)) + sum(len(array.data) for array in blob.arrays.values())
