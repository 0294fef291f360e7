"""Seeds for single purposes, so that no two random choices hang together."""

from __future__ import annotations

from wisedb.canonical import canonical_json, digest


def seed_of(seed: int, *words: str) -> int:
    """A seed of 60 bits for one purpose, from the store's seed and what names the purpose."""
    return int(digest(canonical_json([seed, *words]))[:15], 16)
