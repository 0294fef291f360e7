"""A store comes into being whole, and is found again."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.conftest import Kit
from wisedb.config import FORMAT, StoreConfig
from wisedb.errors import CorruptObject, FormatTooNew, NotAStore, StoreExists, WisedbError
from wisedb.store.fsck import fsck
from wisedb.store.places import FOLDER
from wisedb.store.store import Store


def test_init(store: Store, kit: Kit, tmp_path: Path) -> None:
    assert store.root == tmp_path / "store" / FOLDER
    commit_id, commit = store.head_commit()
    assert commit.parents == () and commit.message == "init" and store.resolve("main") == commit_id
    assert store.config.base == kit.base and store.objects.has(store.config.editor.pool or "")
    assert sorted(path.name for path in store.root.parent.iterdir()) == [FOLDER]
    assert fsck(store).ok


@pytest.mark.parametrize("around", [0o1777, 0o777, 0o700])
def test_who_may_read_and_write_a_new_store_is_for_the_umask_to_say(
    store: Store, kit: Kit, tmp_path: Path, around: int
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(around)
    before = os.umask(0o077)
    try:
        made = Store.init(folder, store.config, kit.commit())
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (made.root, *made.root.rglob("*"))}
    assert not {name: oct(mode) for name, mode in modes.items() if mode & 0o077}


def test_a_store_is_not_made_twice(store: Store, kit: Kit) -> None:
    before = store.resolve("HEAD")
    with pytest.raises(StoreExists, match=FOLDER) as caught:
        Store.init(store.root.parent, store.config, kit.commit(message="again"))
    assert caught.value.hint and store.resolve("HEAD") == before
    assert sorted(path.name for path in store.root.parent.iterdir()) == [FOLDER]


def test_one_that_appears_meanwhile_is_not_overwritten(store: Store, kit: Kit, tmp_path: Path) -> None:
    folder = tmp_path / "race"

    def fault(step: str) -> None:
        if step == "rename the store":
            Store.init(folder, store.config, kit.commit(message="the other"))

    with pytest.raises(StoreExists):
        Store.init(folder, store.config, kit.commit(message="mine"), fault=fault)
    assert Store.open(folder).head_commit()[1].message == "the other"
    assert sorted(path.name for path in folder.iterdir()) == [FOLDER]


def test_an_empty_folder_is_no_store(store: Store, kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "new" / FOLDER).mkdir(parents=True)
    assert Store.init(tmp_path / "new", store.config, kit.commit()).head_commit()
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / FOLDER).touch()
    with pytest.raises(StoreExists):
        Store.init(tmp_path / "file", store.config, kit.commit())


def test_open_and_discover(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = store.root.parent / "a" / "b"
    deep.mkdir(parents=True)
    assert Store.open(store.root).root == Store.open(store.root.parent).root == store.root
    for start in (deep, store.root.parent, store.root, store.root / "objects"):
        assert Store.discover(start).root == store.root
    monkeypatch.chdir(deep)
    assert Store.discover(Path()).root == store.root
    assert Store.open(Path("../..")).head_commit() == store.head_commit()
    for none in (deep, tmp_path / "nowhere"):
        with pytest.raises(NotAStore) as caught:
            Store.open(none)
        assert "wisedb init" in caught.value.hint
    with pytest.raises(NotAStore):
        Store.discover(tmp_path / "nowhere")


def test_config(store: Store) -> None:
    changed = replace(store.config, remotes={"origin": "someone/facts"})
    store.write_config(changed)
    assert store.config == changed == Store.open(store.root).config


def test_a_lost_or_damaged_config_is_said(store: Store) -> None:
    path = store.root / "config.toml"
    whole = path.read_bytes()
    path.write_bytes(b"[[")
    with pytest.raises(CorruptObject, match=r"config\.toml"):
        Store.open(store.root)
    path.unlink()
    with pytest.raises(CorruptObject, match="gone") as caught:
        Store.discover(store.root.parent)
    assert caught.value.hint
    assert {problem.kind for problem in fsck(Store(store.root)).problems} == {"corrupt-config"}
    path.write_bytes(whole.replace(f"format = {FORMAT}".encode(), f"format = {FORMAT + 1}".encode()))
    with pytest.raises(FormatTooNew):
        Store.open(store.root)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        try:
            Store.open(store.root)
        except WisedbError as error:
            assert error.hint


def test_the_branch_may_have_another_name(kit: Kit, tmp_path: Path) -> None:
    store = Store.init(tmp_path, StoreConfig(kit.base), kit.commit(), branch="facts/eu")
    assert store.refs.head().branch == "facts/eu"


def test_a_failure_leaves_nothing(make_store: Callable[[str], Store], kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(WisedbError):
        Store.init(tmp_path / "new", StoreConfig(kit.base), kit.commit(edits="a" * 64))
    assert list((tmp_path / "new").iterdir()) == []
