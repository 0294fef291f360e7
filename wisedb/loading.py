"""``wisedb.load``: an edited model from wherever it is. (A facade: what fetches and what assembles meet here.)"""

from __future__ import annotations

from wisedb.runtime.portable import load

__all__ = ["load"]
