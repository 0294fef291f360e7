"""The statistics of a base model, remembered from store to store.

They are a function of the base model and of a pool of unrelated texts, and take seconds to measure. So they are kept in
the user's cache folder by fingerprint and pool, each in a folder of objects that checks what it hands out. Nothing
depends on the cache: it may be deleted, be damaged or not be writable at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from platformdirs import user_cache_dir

from wisedb.canonical import canonical_json, digest
from wisedb.errors import StoreError
from wisedb.store.blobs import Blob
from wisedb.store.objects import Objects

_VERSION: Final = 1


def remembered_statistics(made_from: Sequence[str | None], compute: Callable[[], Blob]) -> Blob:
    """The blob that was kept under what it was made from, or else computed and kept.

    Args:
        made_from: everything that the statistics depend on.
        compute: makes the blob.

    Raises:
        Exception: whatever ``compute`` raises, and nothing else.
    """
    kept = Objects(folder() / digest(canonical_json([_VERSION, *made_from])))
    with suppress(OSError, StoreError):
        for blob_id in kept.ids():
            return kept.get(blob_id)
    blob = compute()
    with suppress(OSError, StoreError):
        kept.put(blob)
    return blob


def folder() -> Path:
    """Where statistics are kept."""
    return Path(user_cache_dir("wisedb", appauthor=False)) / "statistics"
