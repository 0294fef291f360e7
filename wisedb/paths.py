"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path


def expanded(path: str | Path) -> Path:
    """A path with ``~`` and ``~user`` replaced; of a user whom nobody knows it stays as written, as in a shell."""
    written = Path(path)
    try:
        return written.expanduser()
    except RuntimeError:
        return written
