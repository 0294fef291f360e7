"""What a store has seen of its remotes: a pack whose newest manifest is gone, or is another one, is noticed.

The manifests of a folder or of an object store are numbered, and the highest counts. Whoever deletes the newest takes
back a push without a trace there; only who has seen it can tell.
"""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from typing import Any, Final

from wisedb.canonical import canonical_json, digest
from wisedb.errors import StoreError, WisedbError, WisedbWarning
from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.remotes.protocol import Snapshot
from wisedb.store.refnames import BRANCHES
from wisedb.store.store import DEFAULT_BRANCH, Store

_FILE: Final = "seen.json"


def look(store: Store, target: RemoteTarget, snapshot: Snapshot | None = None) -> None:
    """Compare a pack with what was seen of it, warn where it has gone back, and remember what it is now.

    Args:
        store: the store.
        target: the remote; of one that isn't configured nothing is remembered.
        snapshot: its present state, if it was read.
    """
    if target.tracked is None or not target.remote.shared:
        return
    now = snapshot or target.remote.snapshot(BRANCHES + DEFAULT_BRANCH)
    manifest = None if now.manifest is None else digest(now.manifest.to_bytes())
    number = -1 if now.lease is None else int(now.lease)
    seen = _read(store).get(target.tracked)
    if isinstance(seen, dict) and seen.get("url") == target.remote.url and type(seen.get("number")) is int:
        before = int(seen["number"])
        if number < before:
            now_there = "none is there" if number < 0 else f"the newest is {number}"
            _warn(f"{target.name} has gone back: manifest {before} was there, and {now_there} now.")
        elif number == before and seen.get("sha256") != manifest:
            _warn(f"{target.name} has another manifest {number} than it had.")
    entry: dict[str, Any] = {"url": target.remote.url, "number": number, "sha256": manifest}
    if seen != entry:
        with suppress(StoreError), store.lock.hold("remembering a remote"):
            store.disk.write(store.root / _FILE, canonical_json({**_read(store), target.tracked: entry}) + b"\n")


def look_after_push(store: Store, target: RemoteTarget) -> None:
    """Remember what was pushed. Never fails: the push has happened."""
    with suppress(WisedbError):
        look(store, target)


def _warn(what: str) -> None:
    warnings.warn(
        f"{what} Somebody deleted or replaced it: what was pushed meanwhile is missing there; `wisedb push` of whoever"
        " has it brings it back.",
        WisedbWarning,
        stacklevel=3,
    )


def _read(store: Store) -> dict[str, Any]:
    """What is remembered; nothing where that is damaged: the next look remembers anew."""
    try:
        record = json.loads(store.disk.read_if_there(store.root / _FILE) or b"{}")
    except (ValueError, RecursionError, StoreError):
        return {}
    return record if isinstance(record, dict) else {}
