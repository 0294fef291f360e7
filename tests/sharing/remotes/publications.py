"""Publications for remotes that are made of files."""

from __future__ import annotations

from typing import Any

from tests.store.conftest import BASE
from wisedb.config import EditorChoice
from wisedb.sharing.manifest import Manifest
from wisedb.sharing.remotes.protocol import Publication, Snapshot

MAIN = "refs/heads/main"


def manifest(number: int = 0, **refs: str) -> Manifest:
    return Manifest(BASE, EditorChoice(seed=number), {f"refs/heads/{name}": commit for name, commit in refs.items()})


def publication(snapshot: Snapshot, number: int = 0, **more: Any) -> Publication:
    made = manifest(number, main=f"{number:064x}")
    return Publication(snapshot, MAIN, dict(made.refs), made, **more)
