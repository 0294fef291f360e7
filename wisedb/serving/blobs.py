"""Where the blobs of a commit's memories are read from, and those that aren't in the store yet. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from wisedb.store.blobs import Blob


class BlobSource(Protocol):
    """Where blobs are read from."""

    def get(self, blob_id: str, /) -> Blob:
        """The blob of that id."""

    def ensure(self, blob_ids: Iterable[str], /) -> None:
        """Have these blobs at hand: those that are still elsewhere come at the same time."""


@dataclass(frozen=True, slots=True)
class PendingBlobs:
    """Blobs that are not in the store yet, in front of those that are.

    Attributes:
        behind: where all other blobs are.
        blobs: the new ones by id, in the order in which they were put.
        delta_bases: for a new blob, the id of its previous version.
    """

    behind: BlobSource
    blobs: dict[str, Blob] = field(default_factory=dict)
    delta_bases: dict[str, str] = field(default_factory=dict)

    def put(self, blob: Blob, previous: str | None = None) -> str:
        """Keep a blob and return its id."""
        self.blobs[blob.id] = blob
        if previous is not None:
            self.delta_bases[blob.id] = previous
        return blob.id

    def get(self, blob_id: str, /) -> Blob:
        """The blob, new or stored."""
        return self.blobs[blob_id] if blob_id in self.blobs else self.behind.get(blob_id)

    def ensure(self, blob_ids: Iterable[str], /) -> None:
        """Have the stored ones of these blobs at hand."""
        self.behind.ensure(blob_id for blob_id in blob_ids if blob_id not in self.blobs)
