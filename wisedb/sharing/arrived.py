"""What came in bundles, put aside on the disk until it is stored: the memory holds one bundle at a time, and names."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from wisedb.sharing.bundle import read_members
from wisedb.sharing.manifest import Bundle
from wisedb.store.disk_errors import storage_errors
from wisedb.store.loose_objects import BLOB_SUFFIX, COMMIT_SUFFIX, HEADER_SUFFIX

_Places = dict[str, tuple[int, int]]  # id → where its content begins in the file, and how long it is


class Arrived:
    """Objects that are not stored yet, by id. One id may come in two encodings: either will do, the first stays.

    Args:
        folder: on whose disk they wait; the file there has no name, and is gone with this object.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with storage_errors(folder):
            # Closed by close(): it outlives this call.
            self._file = tempfile.TemporaryFile(dir=folder if folder.is_dir() else None)  # noqa: SIM115
        self._turn = threading.Lock()
        self._places: Final[dict[str, _Places]] = {COMMIT_SUFFIX: {}, BLOB_SUFFIX: {}, HEADER_SUFFIX: {}}

    def close(self) -> None:
        """Free the disk."""
        self._file.close()

    @property
    def commits(self) -> Collection[str]:
        """The ids of the commits."""
        return self._places[COMMIT_SUFFIX].keys()

    @property
    def blobs(self) -> Collection[str]:
        """The ids of the blobs that came whole."""
        return self._places[BLOB_SUFFIX].keys()

    @property
    def headers(self) -> Collection[str]:
        """The ids of the blobs whose payload is elsewhere."""
        return self._places[HEADER_SUFFIX].keys()

    def add(self, bundle: Bundle, data: bytes) -> Mapping[str, int]:
        """Take an archive apart, as it came from elsewhere; the ids and lengths of the headers in it.

        Raises:
            CorruptObject: as :func:`wisedb.sharing.bundle.read_bundle`. What came before it is still here.
            NoSpace, StoreError: it can't be put aside.
        """
        found: dict[str, int] = {}
        with self._turn, storage_errors(self._folder):
            for suffix, object_id, content in read_members(bundle, data):
                if suffix == HEADER_SUFFIX:
                    found[object_id] = len(content)
                if object_id not in self._places[suffix]:
                    place = self._file.seek(0, 2)
                    self._file.write(content)
                    self._places[suffix][object_id] = place, len(content)
        return found

    def commit(self, commit_id: str) -> bytes | None:
        """A commit's canonical JSON, ``None`` where it did not come."""
        return self._read(COMMIT_SUFFIX, commit_id)

    def blob(self, blob_id: str) -> bytes | None:
        """A blob's file, ``None`` where it did not come."""
        return self._read(BLOB_SUFFIX, blob_id)

    def header(self, blob_id: str) -> bytes | None:
        """A blob's header, ``None`` where it did not come."""
        return self._read(HEADER_SUFFIX, blob_id)

    def _read(self, suffix: str, object_id: str) -> bytes | None:
        place = self._places[suffix].get(object_id)
        if place is None:
            return None
        with self._turn, storage_errors(self._folder):
            self._file.seek(place[0])
            return self._file.read(place[1])
