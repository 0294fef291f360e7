"""Versions of a blob that differ a little from each other."""

from __future__ import annotations

import random
import struct

from wisedb.store.blobs import Array, Blob


def floats(seed: int, count: int = 4096) -> Array:
    """Numbers around 1 that differ a little from seed to seed."""
    noise, drift = random.Random(0), random.Random(seed)
    data = struct.pack(f"<{count}f", *(noise.gauss(0, 1) * (1 + 1e-5 * seed * drift.random()) for _ in range(count)))
    return Array("F32", (count,), data)


def version(seed: int) -> Blob:
    return Blob("delta", {"edits": [str(seed)]}, {"values": floats(seed)})
