"""A store's parts, and who holds its locks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stores import copy_of
from wisedb.doctor.check import NOTE, OK, WARNING, WRONG, Check
from wisedb.doctor.place import place
from wisedb.repository import Repository
from wisedb.store.store import Store


@pytest.fixture
def store(history: Repository, tmp_path: Path) -> Store:
    return copy_of(history, tmp_path / "copy").store


def _found(store: Store) -> dict[str, Check]:
    return {check.name: check for check in place(store)}


def test_a_sound_store(store: Store) -> None:
    store.index.rebuild()
    found = _found(store)
    assert {name: check.state for name, check in found.items()} == {"store": OK, "index": OK, "lock": OK}
    assert "on main at" in found["store"].detail


def test_damage_is_told(store: Store) -> None:
    store.index.rebuild()
    for file in (store.root / "index").glob("*.duckdb"):
        file.write_bytes(b"damaged")
    (store.root / ".tmp-1-2").write_text("")
    (store.root / "HEAD").write_text("nothing\n")
    found = _found(store)
    assert (found["store"].state, found["index"].state) == (WRONG, WARNING)
    assert found["left behind"].state == NOTE and found["left behind"].detail.startswith("1 ")


def test_whoever_holds_the_lock_is_named(store: Store) -> None:
    code = (
        "import sys; from pathlib import Path; from wisedb.store.store import Store\n"
        f"with Store.open(Path({str(store.root)!r})).lock.hold('a test'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    ).replace("\\\n", "\n")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == "held\n"
        found = _found(store)
        child.communicate("")
    assert (
        found["lock"].state == WARNING and "a test" in found["lock"].detail and str(child.pid) in found["lock"].detail
    )
    assert _found(store)["lock"].state == OK
