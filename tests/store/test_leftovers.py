"""gc sweeps what dead processes left, wherever they left it, and nothing that somebody may still be writing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.store.conftest import Kit
from wisedb.store.fsck import fsck
from wisedb.store.gc import collect
from wisedb.store.leftovers import leftovers
from wisedb.store.store import Store

PLACES = (
    ".tmp-1-ab",
    "objects/aa/.tmp-1-ab",
    "refs/heads/.tmp-1-ab",
    "logs/refs/heads/.tmp-1-ab",
    "scores/.tmp-1-ab",
    "tag-notes/.tmp-1-ab",
    "trash/.tmp-1-ab",
    "index/.tmp-1-ab",
    "index/.tmp-1-ab.duckdb",
    "index/.tmp-1-ab.duckdb.wal",
)


def put(path: Path, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("half")
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.mark.parametrize("place", PLACES)
def test_each_place(store: Store, kit: Kit, place: str) -> None:
    kit.write(store, kit.edit(0))
    path = put(store.root / place, 30.0)
    assert collect(store, dry_run=False).unfinished == 0 and path.exists()
    put(path, 2 * 86400.0)
    assert collect(store).unfinished == 0 and path.exists()
    assert collect(store, dry_run=False).unfinished == 1 and not path.exists()
    assert fsck(store).ok


def test_a_store_that_was_never_finished(store: Store) -> None:
    half = store.root.parent / ".wisedb.tmp-abcd"
    put(half / "objects/aa/x", 2 * 86400.0)
    young = put(half / "HEAD", 10.0)
    os.utime(half, (0, 0))
    assert list(leftovers(store.root)) == []
    put(young, 2 * 86400.0)
    for folder in (half, half / "objects", half / "objects/aa"):
        os.utime(folder, (0, 0))
    assert collect(store, dry_run=False).unfinished == 1 and not half.exists()


def test_a_draft_of_the_index_may_take_long(store: Store) -> None:
    path = put(store.root / "index/.tmp-1-ab.duckdb", 5 * 3600.0)
    collect(store, dry_run=False)
    assert path.exists()


def test_links_are_not_followed(store: Store, tmp_path: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere/.tmp-1-ab", 2 * 86400.0)
    (store.root / "scores/link").symlink_to(elsewhere.parent)
    (store.root.parent / ".wisedb.tmp-link").symlink_to(elsewhere.parent)
    collect(store, dry_run=False)
    assert elsewhere.exists()
