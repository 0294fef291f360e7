"""Who has seen a push notices that its manifest is gone or another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sharing.conftest import Large
from wisedb.errors import RemoteNotFound, WisedbWarning
from wisedb.sharing.fetch import fetch
from wisedb.sharing.named import RemoteTarget, find_target
from wisedb.sharing.push import push
from wisedb.store.store import Store


def manifests(pack: Path) -> list[Path]:
    return sorted((pack / "manifests").iterdir())


@pytest.fixture
def pushed(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> Store:
    kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    return store


def test_a_manifest_that_was_deleted(pushed: Store, bob: Store, target: RemoteTarget, pack: Path) -> None:
    fetch(bob, find_target(bob, None))
    manifests(pack)[-1].unlink()
    for store in (bob, pushed):
        with pytest.warns(WisedbWarning, match="gone back: manifest 1 was there, and the newest is 0"):
            fetch(store, find_target(store, None))
    # Told once: what is there now is what is known now. And who has the commits brings them back.
    assert push(pushed, target).commits == 1
    fetch(bob, find_target(bob, None))


def test_a_push_tells_too(pushed: Store, target: RemoteTarget, pack: Path) -> None:
    manifests(pack)[-1].unlink()
    with pytest.warns(WisedbWarning, match="gone back"):
        push(pushed, target)


def test_all_of_them_are_gone(pushed: Store, pack: Path) -> None:
    for path in manifests(pack):
        path.unlink()
    with pytest.warns(WisedbWarning, match="gone back"), pytest.raises(RemoteNotFound):
        fetch(pushed, find_target(pushed, None))


def test_a_manifest_that_was_replaced(pushed: Store, pack: Path) -> None:
    newest, older = manifests(pack)[-1], manifests(pack)[0]
    newest.write_bytes(older.read_bytes())
    with pytest.warns(WisedbWarning, match="another manifest 1"):
        fetch(pushed, find_target(pushed, None))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"origin": 7}', b'{"origin": {"number": "x"}}', b"\xff"])
def test_what_is_remembered_may_be_damaged(pushed: Store, content: bytes) -> None:
    (pushed.root / "seen.json").write_bytes(content)
    fetch(pushed, find_target(pushed, None))
