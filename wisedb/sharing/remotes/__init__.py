"""Where packs are: folders, object stores, the Hugging Face Hub."""

from __future__ import annotations

from wisedb.sharing.remotes.open import open_remote

__all__ = ["open_remote"]
