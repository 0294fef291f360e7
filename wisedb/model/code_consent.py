"""Which Python code of base models somebody has allowed to run: exactly that code, by its hash, and on this machine.

A store remembers that its base model brings code. But a store may have come from somebody else, and the code may have
changed: so its word alone runs none. What was allowed stands in the user's own cache folder; where that is gone, code
is allowed anew by whoever wants it run.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_dir

from wisedb.canonical import canonical_json, digest


def allow(folder: Path) -> None:
    """Remember that the Python files in a model's folder, as they are now, may be run."""
    place = _place(folder)
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def is_allowed(folder: Path) -> bool:
    """Whether the Python files in a model's folder, as they are now, were allowed."""
    with suppress(OSError):
        return _place(folder).is_file()
    return False


def _place(folder: Path) -> Path:
    return Path(user_cache_dir("wisedb", appauthor=False)) / "allowed-code" / _code_digest(folder)


def _code_digest(folder: Path) -> str:
    files = sorted(folder.rglob("*.py"))
    listed = [[file.relative_to(folder).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()] for file in files]
    return digest(canonical_json(listed))
