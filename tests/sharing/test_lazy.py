"""A lazy clone has the history and the index at once, and the memories when they are read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.sharing.conftest import Failing, Large
from tests.store.entries import memory_entry
from wisedb.errors import CorruptObject, MissingObject, RemoteUnavailable, UsageError
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.lazy import fetch_promised, keep_promises
from wisedb.sharing.named import ORIGIN, RemoteTarget, add_remote, find_target, remove_remote
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.store import history
from wisedb.store.fsck import fsck
from wisedb.store.gc import collect
from wisedb.store.store import Store


@pytest.fixture
def lazy(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path) -> Store:
    """A lazy clone."""
    push(store, target)
    return clone(str(pack), tmp_path / "lazy", lazy=True).store


def deltas(store: Store) -> list[str]:
    _, tip = store.head_commit()
    found = []
    while tip.memories:
        found.append(tip.memories[0].main)
        tip = store.objects.commit(tip.parents[0])
    return found


def test_the_history_is_whole_without_the_memories(lazy: Store, store: Store, pack: Path) -> None:
    assert lazy.config.promised == ORIGIN
    assert lazy.head_commit() == store.head_commit()
    assert list(lazy.objects.ids()) == list(store.objects.ids())
    promised = [blob_id for blob_id in lazy.objects.ids() if lazy.objects.is_promised(blob_id)]
    assert sorted(promised) == sorted(deltas(store)) and len(promised) == 3
    assert history.facts(lazy) == history.facts(store)
    assert history.log(lazy) == history.log(store)
    assert lazy.index.status() == "ok"
    for blob_id in store.objects.ids():
        assert lazy.objects.meta(blob_id) == store.objects.meta(blob_id)
        assert lazy.objects.size(blob_id) == store.objects.size(blob_id)
    assert len(list((lazy.root / "objects").rglob("*.header"))) == 3
    assert sum(path.stat().st_size for path in lazy.root.rglob("objects/*/*")) < 30_000


def test_checks_and_collections_leave_it_alone(lazy: Store) -> None:
    def nobody(blob_ids: object) -> None:
        raise AssertionError("nothing may be fetched for this")

    lazy.objects.promise.fetch = nobody
    report = fsck(lazy)
    assert report.problems == () and report.promised == 3 and report.to_json()["promised"] == 3
    assert collect(lazy, grace=timedelta(0), dry_run=False).removed == ()
    assert fsck(lazy).problems == ()
    header = lazy.objects.header_path(deltas(lazy)[0])
    header.chmod(0o644)
    whole = header.read_bytes()
    header.write_bytes(whole[:-9] + b"x" + whole[-8:])
    assert {problem.kind for problem in fsck(lazy).problems} == {"corrupt-object"}
    header.unlink()
    assert {problem.kind for problem in fsck(lazy).problems} == {"missing-object"}


def test_headers_of_what_is_dropped_are_collected(lazy: Store) -> None:
    _, tip = lazy.head_commit()
    head, _ = lazy.head_commit()
    newest = deltas(lazy)[0]
    for ref in ("refs/remotes/origin/main",):
        lazy.refs.update(ref, head, None, "x")
    lazy.refs.update("refs/heads/main", head, tip.parents[0], "reset")
    for path in (lazy.root / "logs").rglob("*.jsonl"):
        path.unlink()
    assert newest in collect(lazy, grace=timedelta(0), dry_run=False).removed
    assert not lazy.objects.has(newest)
    # Nothing is wrong but that the logs are gone.
    assert {problem.kind for problem in fsck(lazy).problems} == {"corrupt-reflog"}


def test_what_is_read_comes_at_once_and_stays(lazy: Store, store: Store, pack: Path) -> None:
    ids = deltas(store)
    with pytest.raises(MissingObject, match="promised"):
        lazy.objects.get(ids[0])
    asked: list[list[str]] = []
    keep_promises(lazy)
    fetch_all = lazy.objects.promise.fetch
    assert fetch_all is not None

    def count(blob_ids: Iterable[str]) -> None:
        asked.append(list(blob_ids))
        fetch_all(asked[-1])

    lazy.objects.promise.fetch = count
    lazy.objects.ensure(ids[:2])
    assert asked == [sorted(ids[:2])], "in one go"
    for blob_id in ids[:2]:
        assert lazy.objects.get(blob_id) == store.objects.get(blob_id)
        assert not lazy.objects.header_path(blob_id).exists()
    assert len(asked) == 1
    assert lazy.objects.get(ids[2]) == store.objects.get(ids[2]), "without asking first, too"
    assert len(asked) == 2 and fsck(lazy).promised == 0
    for path in pack.rglob("*.safetensors"):
        path.unlink()
    assert lazy.objects.array(ids[0], "values") == store.objects.array(ids[0], "values")


def test_differences_bring_what_they_are_differences_to(
    store: Store, target: RemoteTarget, pack: Path, tmp_path: Path, kit: Large
) -> None:
    mask = kit.shard(0)
    first = kit.values(mask, 1, kit.edit(1))
    data = first.arrays["values"].data
    second = kit.values(mask, 1, kit.edit(2))  # the same values: next to nothing as a difference
    assert second.id != first.id and data == second.arrays["values"].data
    head, tip = store.head_commit()
    with store.transaction(head, ref="refs/heads/main") as transaction:
        transaction.put(first)
        transaction.put(second, delta_base=first.id)
        memory = memory_entry(mask.id, second.id)
        transaction.land(kit.commit(head, minute=9, memories=(memory,), editor=tip.editor), action="commit")
    assert store.objects.header(second.id).references == {first.id}
    push(store, target)
    lazy = clone(str(pack), tmp_path / "lazy", lazy=True).store
    assert not lazy.objects.is_promised(second.id) and lazy.objects.is_promised(first.id)
    assert fsck(lazy).problems == () and fsck(lazy).promised == 5
    keep_promises(lazy)
    lazy.objects.ensure([second.id])
    assert not lazy.objects.is_promised(first.id)
    assert lazy.objects.get(second.id) == second and fsck(lazy).promised == 3


def test_a_fetch_stays_lazy_and_a_push_brings_nothing_along(
    lazy: Store, store: Store, target: RemoteTarget, kit: Large, tmp_path: Path
) -> None:
    head = kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    counted = Failing(target.remote)
    fetch(lazy, RemoteTarget(ORIGIN, counted, ORIGIN))
    assert not [call for call in counted.calls if call.startswith("objects/")]
    assert lazy.objects.is_promised(store.objects.commit(head).memories[0].main)

    # A commit of one's own on top, whose other memories are only promised.
    keep_promises(lazy)
    lazy.refs.update("refs/heads/main", lazy.head_commit()[0], head, "pull")
    mine = kit.land(lazy, kit.edit(10), minute=10)
    done = push(lazy, find_target(lazy, None))
    assert (done.commits, done.blobs, target.remote.refs()) == (1, 2, {"refs/heads/main": mine})
    assert fsck(lazy).promised == 4

    # To another place everything goes: what was promised is fetched for it.
    other = tmp_path / "other"
    push(lazy, RemoteTarget("other", FolderRemote(other), None))
    whole = clone(str(other), tmp_path / "whole").store
    assert fsck(whole).problems == () and fsck(whole).promised == 0 and whole.head_commit()[0] == mine


def test_promises_that_cannot_be_kept(lazy: Store, store: Store, pack: Path, tmp_path: Path) -> None:
    ids = deltas(store)
    keep_promises(lazy)
    cut = Failing(FolderRemote(pack), at=3, error=RemoteUnavailable("cut", hint="again"))
    with pytest.raises(RemoteUnavailable):
        fetch_promised(lazy, cut, ids)
    lost = [blob_id for blob_id in ids if lazy.objects.is_promised(blob_id)]
    assert fsck(lazy).problems == () and lost
    for path in pack.rglob("objects/*/*"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(CorruptObject):
        lazy.objects.get(lost[0])
    for path in pack.rglob("objects/*/*"):
        path.unlink()
    with pytest.raises(MissingObject, match=lost[0][:12]):
        lazy.objects.get(lost[0])
    with pytest.raises(UsageError, match="lazy"):
        remove_remote(lazy, ORIGIN)
    assert fsck(lazy).problems == ()


def test_a_remote_that_is_needed_no_more_can_go(lazy: Store, tmp_path: Path) -> None:
    keep_promises(lazy)
    lazy.objects.ensure(list(lazy.objects.ids()))
    remove_remote(lazy, ORIGIN)
    assert lazy.config.promised is None and lazy.refs.names("refs/remotes/") == []
    add_remote(lazy, ORIGIN, str(tmp_path / "else"))
