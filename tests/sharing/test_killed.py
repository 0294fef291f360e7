"""Killed at any step, both sides are at the old state or at the new one, whole, and the next attempt just goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sharing.conftest import Large
from tests.store.test_killed import dies_at
from wisedb.errors import StoreError
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.named import ORIGIN, RemoteTarget, find_target
from wisedb.sharing.plan import Layout
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.store.fsck import fsck
from wisedb.store.store import Store

# The pack is put back to where it was, before each attempt.
pytestmark = [
    pytest.mark.usefixtures("plain_card"),
    pytest.mark.filterwarnings("ignore:origin has (gone back|another manifest)"),
]

STRIDE = 5
"""Every step costs a process; neighbours differ in little."""


def deaths(action: Callable[[Callable[[str], None]], object], prepare: Callable[[], None]) -> Iterator[bool]:
    """Yield after each death, and once after the run that came through, whether it came through."""
    step, died = 1, True
    while died:
        prepare()
        died = dies_at(step, action)
        yield not died
        step += STRIDE
    assert step > 10


@pytest.fixture
def at(pack: Path) -> Callable[..., RemoteTarget]:
    """The pack, with a fault on its steps."""

    def make(fault: Callable[[str], None] = lambda step: None) -> RemoteTarget:
        return RemoteTarget(ORIGIN, FolderRemote(pack, kept=2, fault=fault), ORIGIN)

    return make


def readable(pack: Path, folder: Path) -> dict[str, str]:
    """The refs of a pack, after cloning it and checking the clone; none where there is no pack."""
    shutil.rmtree(folder, ignore_errors=True)
    refs = dict(FolderRemote(pack).refs())
    if refs:
        assert fsck(clone(str(pack), folder).store).problems == ()
    return refs


def test_the_first_push(store: Store, pack: Path, tmp_path: Path, at: Callable[..., RemoteTarget]) -> None:
    head, _ = store.head_commit()
    seen = []
    for whole in deaths(lambda fault: push(store, at(fault)), lambda: shutil.rmtree(pack, ignore_errors=True)):
        refs = readable(pack, tmp_path / "bob")
        seen.append(refs)
        assert refs in ({}, {"refs/heads/main": head}) and (refs or not whole)
        tracked = store.refs.read("refs/remotes/origin/main")
        assert tracked in (None, head) and fsck(store).problems == ()
        push(store, at())
        assert readable(pack, tmp_path / "bob") == {"refs/heads/main": head}
        assert store.resolve("origin/main") == head
    assert {} in seen and {"refs/heads/main": head} in seen


def test_a_push_that_puts_bundles_together(
    store: Store, pack: Path, tmp_path: Path, at: Callable[..., RemoteTarget], kit: Large
) -> None:
    for minute in (5, 6, 7, 8):
        push(store, at())
        kit.land(store, kit.edit(minute), minute=minute, shards=0)
    old = dict(at().remote.refs())
    new = {"refs/heads/main": store.head_commit()[0], "refs/heads/other": store.head_commit()[1].parents[0]}
    store.refs.create("refs/heads/other", new["refs/heads/other"], "branch")
    keep = tmp_path / "keep"
    pack.rename(keep)

    def prepare() -> None:
        shutil.rmtree(pack, ignore_errors=True)
        shutil.copytree(keep, pack)

    def action(fault: Callable[[str], None]) -> object:
        return push(store, at(fault), PushOptions(all_branches=True), layout=Layout(most=2))

    seen = []
    for _ in deaths(action, prepare):
        seen.append(readable(pack, tmp_path / "bob"))
        assert seen[-1] in (old, new), "both branches or none"
        action(lambda step: None)
        assert readable(pack, tmp_path / "bob") == new
    assert old in seen and new in seen


def test_a_disk_that_fails_at_any_step_of_a_push(store: Store, pack: Path, at: Callable[..., RemoteTarget]) -> None:
    head, _ = store.head_commit()
    step, done = 1, False
    while not done:
        shutil.rmtree(pack, ignore_errors=True)
        passed = 0

        def fault(name: str, step: int = step) -> None:
            nonlocal passed
            passed += 1
            if passed == step:
                raise OSError(5, "Input/output error")

        before = store.refs.read("refs/remotes/origin/main")
        try:
            push(store, at(fault))
            done = passed < step
            assert dict(FolderRemote(pack).refs()) == {"refs/heads/main": head}
        except (OSError, StoreError) as error:
            # It must not claim that nothing has happened when it has.
            assert dict(FolderRemote(pack).refs()) == {} or "written" in str(error)
            assert store.refs.read("refs/remotes/origin/main") == before
        step += 1
    assert step > 20


def test_a_fetch(store: Store, bob: Store, at: Callable[..., RemoteTarget], tmp_path: Path, kit: Large) -> None:
    for minute in (9, 10):
        kit.land(store, kit.edit(minute), minute=minute, shards=2)
    store.refs.create("refs/tags/v1", store.head_commit()[0], "tag")
    push(store, at(), PushOptions(all_tags=True))
    old = dict(bob.refs.items())
    new = {**old, "refs/remotes/origin/main": store.head_commit()[0]}
    folder = tmp_path / "copy"

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(bob.root.parent, folder)

    def action(fault: Callable[[str], None]) -> object:
        made = Store.open(folder, fault=fault)
        return fetch(made, find_target(made, None))

    seen = []
    for whole in deaths(action, prepare):
        made = Store.open(folder)
        assert fsck(made).problems == ()
        refs = dict(made.refs.items())
        tag = refs.pop("refs/tags/v1", None)
        seen.append(refs)
        assert refs in (old, new) and (tag is not None or not whole)
        fetch(made, find_target(made, None))
        assert dict(made.refs.items()) == {**new, "refs/tags/v1": store.head_commit()[0]}
        assert fsck(made).problems == () and fsck(made).objects == fsck(store).objects
    assert old in seen and new in seen


def test_a_clone(store: Store, pack: Path, at: Callable[..., RemoteTarget], tmp_path: Path) -> None:
    push(store, at())
    folder = tmp_path / "copy"

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    for whole in deaths(lambda fault: clone(str(pack), folder, fault=fault), prepare):
        assert folder.exists() == whole
        if not whole:
            clone(str(pack), folder)
        made = Store.open(folder)
        assert made.head_commit() == store.head_commit()
        assert fsck(made).problems == () and fsck(made).objects == fsck(store).objects
        assert not (tmp_path / ".copy.cloning").exists()
