"""Pushes to a Hub on loopback, as the layers above make them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wisedb.canonical import digest
from wisedb.config import BaseModel, EditorChoice
from wisedb.sharing.manifest import Bundle, Manifest
from wisedb.sharing.remotes.hub import HubRemote
from wisedb.sharing.remotes.protocol import Publication, Published, Snapshot

REPO = "org/facts"
MAIN = "refs/heads/main"
BASE = BaseModel("some/model", None, "a" * 64, "b" * 64)
EMPTY = Manifest(BASE, EditorChoice())

Connect = Callable[..., HubRemote]


def commit_id(number: int) -> str:
    return f"{number:064x}"


def publication(
    snapshot: Snapshot, number: int, *, ref: str = MAIN, size: int = 100, tags: tuple[str, ...] = (), **more: Any
) -> Publication:
    """A push of commit ``number`` with one bundle and one large file, as the layers above make them."""
    bundle = os.urandom(size)
    large = f"objects/ab/{digest(bundle)[2:]}.safetensors"
    before = snapshot.manifest or EMPTY
    refs = {ref: commit_id(number), **{f"refs/tags/{tag}": commit_id(number) for tag in tags}}
    own = {name: value for name, value in before.refs.items() if not name.startswith("refs/heads/")}
    entry = Bundle(digest(bundle), len(bundle), 1, (commit_id(number),))
    manifest = replace(before, refs={**own, **refs}, bundles=(*before.bundles, entry))
    files = {entry.path: bundle, large: os.urandom(size)}
    return Publication(snapshot, ref, refs, manifest, **{"files": files, "message": f"Push {number}", **more})


def push(remote: HubRemote, number: int, *, ref: str = MAIN, **more: Any) -> tuple[Publication, Published]:
    remote.refs()
    what = publication(remote.snapshot(ref), number, ref=ref, **more)
    return what, remote.publish(what)


def read_all(remote: HubRemote, what: Publication, ref: str = MAIN) -> Mapping[str, bytes]:
    snapshot = remote.snapshot(ref)
    return {path: remote.read(path, snapshot, limit=1 << 20) for path in what.files}
