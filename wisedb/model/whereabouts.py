"""Where base models were seen on this machine, by their fingerprints: packs don't say where their author's lay.

A note in the user's cache folder, outside of every store. Nothing depends on it: it may be deleted or be wrong at any
time, and whatever is found by it is compared with what is wanted.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_dir

from wisedb.canonical import canonical_json
from wisedb.config import BaseModel


def note(base: BaseModel, folder: Path) -> None:
    """Remember that a base model lies in a folder."""
    content = canonical_json({"folder": str(folder)})
    place = _place(base)
    with suppress(OSError):
        if place.is_file() and place.read_bytes() == content:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def last_seen(base: BaseModel) -> str | None:
    """The folder in which a base model was seen last, ``None`` where it isn't known or isn't there any more."""
    try:
        folder = json.loads(_place(base).read_bytes())["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return folder if isinstance(folder, str) and Path(folder).is_dir() else None


def _place(base: BaseModel) -> Path:
    return Path(user_cache_dir("wisedb", appauthor=False)) / "bases" / f"{base.fingerprint}.json"
