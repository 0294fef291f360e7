"""Blobs that are a function of others and take long to compute, remembered from store to store.

The pool that a base model writes, its statistics, the merge of a commit's memories: each lies in the user's cache
folder under the digest of everything that it depends on, in a folder of objects that checks what it hands out. Nothing
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

_VERSION: Final = 15
"""Grows whenever the same input gives another blob."""


def cached_blob(kind: str, made_from: Sequence[str | float | None], compute: Callable[[], Blob]) -> Blob:
    """The blob that was kept under what it was made from, or else computed and kept.

    Args:
        kind: of the blob; the name of its folder.
        made_from: everything that it depends on.
        compute: makes it.

    Raises:
        Exception: whatever ``compute`` raises, and nothing else.
    """
    kept = Objects(folder() / kind / digest(canonical_json([_VERSION, *made_from])))
    with suppress(OSError, StoreError):
        for blob_id in kept.ids():
            return kept.get(blob_id)
    blob = compute()
    with suppress(OSError, StoreError):
        kept.put(blob)
    return blob


def folder() -> Path:
    """Where blobs are kept."""
    return Path(user_cache_dir("wisedb", appauthor=False)) / "blobs"
