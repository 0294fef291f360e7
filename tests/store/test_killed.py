"""Killed at any step, a store is at the old state or at the new one, whole, and the next writer just goes on."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.store.conftest import Kit
from wisedb.config import StoreConfig
from wisedb.edits import Edit
from wisedb.errors import NoSpace, StoreError
from wisedb.store.files import TEMPORARY
from wisedb.store.fsck import fsck
from wisedb.store.gc import collect
from wisedb.store.places import FOLDER
from wisedb.store.store import Store

Action = Callable[[Store], object]


def dies_at(step: int, action: Callable[[Callable[[str], None]], object]) -> bool:
    """Run ``action`` in a process that ends, without any clean-up, before its n-th step; whether it got so far."""
    child = os.fork()
    if child == 0:
        passed = 0

        def fault(name: str) -> None:
            nonlocal passed
            passed += 1
            if passed == step:
                os._exit(9)

        try:
            action(fault)
        except BaseException:  # noqa: BLE001 - a forked child must never return into the test runner
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), "the action itself failed"
    return code == 9


def every_death(store: Store, tmp_path: Path, action: Action) -> list[Store]:
    """The store after a death at each step, in turn; the last one is that of the process that lived."""
    left: list[Store] = []
    while True:
        copy = tmp_path / f"death-{len(left)}"
        shutil.copytree(store.root.parent, copy)
        died = dies_at(len(left) + 1, lambda fault, copy=copy: action(Store.open(copy, fault=fault)))  # type: ignore[misc]
        left.append(Store.open(copy, lock_timeout=0.5))
        if not died:
            return left


def state(store: Store) -> tuple[object, ...]:
    """All that a reader sees."""
    return (
        store.refs.head(),
        store.refs.branches(),
        store.refs.tags(),
        [(move.from_, move.to, move.action) for move in store.refs.reflog()],
        store.config,
    )


def test_a_commit(store: Store, kit: Kit, edits: list[Edit], tmp_path: Path) -> None:
    store.staging.add(edits[:2])
    kit.write(store, edits[5])
    old = state(store)
    left = every_death(store, tmp_path, lambda child: kit.write(child, *edits[:2], minute=2))
    new = state(left[-1])
    assert old != new and left[-1].staging.edits() == []
    landed = False
    for after in left:
        assert state(after) in (old, new)
        assert fsck(after).problems == ()
        # Once landed, landed for good; and the edits are staged or landed, never lost.
        landed = landed or state(after) == new
        assert (state(after) == new) == landed
        assert landed or after.staging.edits() == edits[:2]
        following = kit.write(after, edits[3], minute=3)
        assert after.resolve("HEAD") == following
        assert after.resolve("HEAD~1") == after.resolve("@{1}") == (new if landed else old)[0].commit  # type: ignore[attr-defined]
        assert fsck(after).problems == ()
    assert len(left) > 20


@pytest.mark.parametrize(
    "action",
    [
        lambda store: store.refs.create("refs/heads/topic/one", store.resolve("HEAD"), "branch"),
        lambda store: store.refs.create("refs/tags/v2", store.resolve("HEAD"), "tag"),
        lambda store: store.refs.delete("refs/tags/v1", "tag"),
        lambda store: store.refs.set_head("refs/heads/other", "switch"),
        lambda store: store.refs.set_head(store.resolve("HEAD"), "checkout"),
        lambda store: store.refs.update("HEAD", store.resolve("HEAD"), store.resolve("HEAD~1"), "reset"),
        lambda store: store.write_config(StoreConfig(store.config.base, store.config.editor, {"origin": "x/y"})),
    ],
    ids=["branch", "tag", "delete", "switch", "detach", "reset", "config"],
)
def test_a_move(store: Store, kit: Kit, edits: list[Edit], tmp_path: Path, action: Action) -> None:
    kit.write(store, edits[0])
    store.refs.create("refs/tags/v1", store.resolve("HEAD"), "tag")
    store.refs.create("refs/heads/other", store.resolve("HEAD~1"), "branch")
    old = state(store)
    left = every_death(store, tmp_path, action)
    new = state(left[-1])
    assert old != new
    for after in left:
        # A move of HEAD between two names of one commit may lack its line in the log, and nothing else.
        silent = (*new[:3], old[3], new[4])
        assert state(after) in (old, new) or (new[0].commit == old[0].commit and state(after) == silent)  # type: ignore[attr-defined]
        assert fsck(after).problems == ()
        if state(after) == old:
            action(after)
            assert state(after) == new


def test_staging(store: Store, edits: list[Edit], tmp_path: Path) -> None:
    store.staging.add(edits[:1])
    for after in every_death(store, tmp_path, lambda child: child.staging.add(edits[1:3])):
        assert after.staging.edits() in (edits[:1], edits[:3])
        assert after.staging.add(edits[1:3]) == edits[:3]


def test_a_collection(store: Store, kit: Kit, edits: list[Edit], tmp_path: Path) -> None:
    kit.write(store, edits[0])
    store.objects.put(kit.edits(edits[1]))
    kit.empty(store, minute=5)
    for after in every_death(store, tmp_path, lambda child: collect(child, grace=timedelta(0), dry_run=False)):
        assert fsck(after).problems == ()
        collect(after, grace=timedelta(0), dry_run=False)
        assert fsck(after).objects == 6


def test_init(store: Store, kit: Kit, tmp_path: Path) -> None:
    _, root = store.head_commit()
    pool = store.objects.get(root.editor.pool or "")
    step = 0
    died = True
    while died:
        step += 1
        folder = tmp_path / f"init-{step}"
        folder.mkdir()
        died = dies_at(
            step,
            lambda fault, folder=folder: Store.init(folder, store.config, root, [pool], fault=fault),  # type: ignore[misc]
        )
        if died:
            assert not (folder / FOLDER).exists()
            Store.init(folder, store.config, root, [pool])
        made = Store.open(folder)
        assert made.head_commit()[1] == root and fsck(made).problems == ()
    assert step > 10


def test_a_disk_that_fails_at_any_step(store: Store, kit: Kit, edits: list[Edit], tmp_path: Path) -> None:
    old = state(store)
    step, landed = 0, False
    while not landed:
        step += 1
        copy = tmp_path / f"full-{step}"
        shutil.copytree(store.root.parent, copy)
        passed = 0

        def fault(name: str, step: int = step) -> None:
            nonlocal passed
            passed += 1
            if passed == step:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        broken = Store.open(copy, fault=fault)
        try:
            kit.write(broken, edits[0])
            landed = True
        except StoreError as error:
            # "No space" promises that nothing has changed.
            assert not isinstance(error, NoSpace) or state(broken) == old
        whole = Store.open(copy)
        assert fsck(whole).problems == ()
        assert list(whole.root.rglob(f"{TEMPORARY}*")) == []
        assert list(whole.root.rglob("*.lock")) == []
        kit.write(whole, edits[1], minute=2)
    assert step > 20
