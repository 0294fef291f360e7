"""A fetch brings what is missing, remembers where it was, and moves nothing of one's own."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.sharing.conftest import Failing, Large, sent_to
from wisedb.errors import BaseModelMismatch, RefExists, RemoteUnavailable, StoreError, UnknownRevision
from wisedb.progress import Progress
from wisedb.sharing.fetch import fetch
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.named import RemoteTarget, find_target
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.sharing.transfer import RefChange
from wisedb.store.fsck import fsck
from wisedb.store.gc import collect
from wisedb.store.store import Store

TRACKED = "refs/remotes/origin/main"


def here(store: Store) -> set[str]:
    return {*store.objects.ids(), *store.objects.commit_ids()}


def test_it_brings_what_is_missing(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> None:
    old, _ = store.head_commit()
    head = kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    counted = Failing(target.remote)
    heard: list[Progress] = []
    done = fetch(bob, RemoteTarget("origin", counted, "origin"), progress=heard.append)
    assert done.branches == {"main": head}
    assert done.transfer.refs == (RefChange(TRACKED, old, head),)
    assert (done.transfer.commits, done.transfer.blobs) == (1, 2)
    assert len([call for call in counted.calls if call.startswith("bundles/")]) == 1
    assert len([call for call in counted.calls if call.startswith("objects/")]) == 1
    assert bob.head_commit()[0] == old and bob.resolve("origin/main") == head
    assert here(bob) == here(store) and fsck(bob).problems == ()
    assert {item.phase for item in heard} == {"receiving"}
    told = done.to_json()
    assert {"remote", "refs", "blobs_received", "bytes"} <= set(told)

    counted.calls.clear()
    again = fetch(bob, RemoteTarget("origin", counted, "origin"))
    assert (again.transfer.refs, again.transfer.commits, again.transfer.bytes) == ((), 0, 0)
    assert not [call for call in counted.calls if "/" in call]


def test_files_travel_side_by_side(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> None:
    kit.land(store, kit.edit(9), minute=9, shards=4)
    push(store, target)
    meeting = threading.Barrier(4, timeout=20)
    slow = Failing(target.remote)
    read = target.remote.read

    def wait(path: str, *args: Any, **more: Any) -> bytes:
        if path.startswith("objects/"):
            meeting.wait()  # passes only when all four are here
        return read(path, *args, **more)

    slow.read = wait  # type: ignore[method-assign]
    assert fetch(bob, RemoteTarget("origin", slow, "origin")).transfer.blobs == 1 + 3 + 4
    assert fsck(bob).problems == ()


def test_an_interrupted_fetch_goes_on_where_it_was(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> None:
    for minute in (9, 10, 11):
        kit.land(store, kit.edit(minute), minute=minute, shards=3, seed=1)
    push(store, target)
    before = here(bob)
    step, landed = 0, False
    arrived: list[str] = []
    while not landed:
        step += 1
        cut = Failing(target.remote, at=step, error=RemoteUnavailable("cut", hint="again"))
        refs = dict(bob.refs.items())
        try:
            fetch(bob, RemoteTarget("origin", cut, "origin"))
            landed = True
        except RemoteUnavailable:
            assert dict(bob.refs.items()) == refs
            assert fsck(bob).problems == ()
        arrived += [path for path in cut.arrived if path.startswith("objects/")]
    assert len(arrived) == len(set(arrived)) == 9, "no file came twice"
    assert here(bob) == here(store) > before


def test_nothing_is_visible_before_everything_is_there(
    store: Store, bob: Store, target: RemoteTarget, kit: Large
) -> None:
    kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    cut = Failing(target.remote)
    seen: list[object] = []
    read = target.remote.read

    def look(path: str, *args: Any, **more: Any) -> bytes:
        seen.append(bob.refs.read(TRACKED))
        seen.append(sorted(bob.objects.commit_ids()))
        return read(path, *args, **more)

    cut.read = look  # type: ignore[method-assign]
    before = [bob.refs.read(TRACKED), sorted(bob.objects.commit_ids())]
    fetch(bob, RemoteTarget("origin", cut, "origin"))
    assert len(seen) == 4 and seen == before * 2


def test_what_nobody_needs_is_not_fetched_again_and_again(
    store: Store, bob: Store, target: RemoteTarget, kit: Large
) -> None:
    old, _ = store.head_commit()
    head = kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    store.refs.update("refs/heads/main", head, old, "reset")
    push(store, target, PushOptions(force=True))
    counted = Failing(target.remote)
    done = fetch(bob, RemoteTarget("origin", counted, "origin"))
    assert done.branches == {"main": old} and not bob.objects.has_commit(head)
    assert counted.arrived == []


def test_tags_come_and_ones_own_stay(store: Store, bob: Store, target: RemoteTarget) -> None:
    head, tip = store.head_commit()
    for name, commit in (("v1", head), ("v2", head), ("v3", tip.parents[0])):
        store.refs.create(f"refs/tags/{name}", commit, "tag")
    bob.refs.create("refs/tags/v2", tip.parents[0], "tag")
    bob.refs.create("refs/tags/v3", tip.parents[0], "tag")
    push(store, target, PushOptions(all_tags=True))
    done = fetch(bob, find_target(bob, None))
    assert done.kept == ("v2",) and done.to_json()["tags_kept"] == ["v2"]
    assert bob.refs.tags() == {"v1": head, "v2": tip.parents[0], "v3": tip.parents[0]}
    assert RefChange("refs/tags/v1", None, head) in done.transfer.refs


def test_branches_that_are_gone_are_forgotten_when_asked(store: Store, bob: Store, target: RemoteTarget) -> None:
    head, _ = store.head_commit()
    store.refs.create("refs/heads/a", head, "branch")
    push(store, target, PushOptions(all_branches=True))
    fetch(bob, find_target(bob, None))
    store.refs.delete("refs/heads/a", "branch")
    store.refs.create("refs/heads/a/b", head, "branch")
    push(store, target, PushOptions(delete=("a",)))
    push(store, target, PushOptions(branches=("a/b",)))
    with pytest.raises(RefExists):
        fetch(bob, find_target(bob, None))
    done = fetch(bob, find_target(bob, None), prune=True)
    assert done.transfer.refs == (
        RefChange("refs/remotes/origin/a", head, None),
        RefChange("refs/remotes/origin/a/b", None, head),
    )
    assert bob.refs.names("refs/remotes/") == ["refs/remotes/origin/a/b", TRACKED]


def test_one_branch_only(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> None:
    head, _ = store.head_commit()
    store.refs.create("refs/heads/other", head, "branch")
    other = kit.land(store, kit.edit(9), minute=9, ref="refs/heads/other")
    main = kit.land(store, kit.edit(10), minute=10)
    for name, commit in (("old", head), ("new", other), ("else", main)):
        store.refs.create(f"refs/tags/{name}", commit, "tag")
    push(store, target, PushOptions(all_branches=True, all_tags=True))
    done = fetch(bob, find_target(bob, None), branches=["other"])
    assert done.branches == {"other": other}
    assert bob.refs.tags() == {"new": other, "old": head}, "those of the branch's history"
    assert bob.objects.has_commit(other) and not bob.objects.has_commit(main)
    with pytest.raises(UnknownRevision):
        fetch(bob, find_target(bob, None), branches=["nope"])


def test_an_address_needs_no_name(store: Store, bob: Store, target: RemoteTarget, pack: Path, kit: Large) -> None:
    head = kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    stranger = RemoteTarget(str(pack), FolderRemote(pack), None)
    done = fetch(bob, stranger)
    assert done.branches == {"main": head} and bob.objects.has_commit(head)
    assert done.transfer.refs == () and bob.resolve("origin/main") != head
    assert find_target(bob, str(pack)).tracked == "origin"


def test_packs_of_another_model_are_refused(store: Store, target: RemoteTarget, tmp_path: Path, kit: Large) -> None:
    push(store, target)
    other = replace(kit.base, tokenizer="c" * 64)
    stranger = Store.init(
        tmp_path / "stranger", replace(store.config, base=other), replace(kit.commit(), base=other), []
    )
    before = sent_to(stranger.root)
    with pytest.raises(BaseModelMismatch):
        fetch(stranger, RemoteTarget("x", target.remote, None))
    assert sent_to(stranger.root).keys() - {"lock"} == before.keys() - {"lock"}


def test_what_a_collection_began_to_take_comes_again(
    store: Store, bob: Store, target: RemoteTarget, kit: Large
) -> None:
    """A commit that is here and that no ref leads to may lack some of what it needs."""
    head = kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    fetch(bob, RemoteTarget("x", target.remote, None))  # no ref leads to what came
    for blob_id in bob.objects.commit(head).blobs:
        if blob_id not in store.objects.commit(store.objects.commit(head).parents[0]).blobs:
            bob.objects.blob_path(blob_id).unlink()
    assert fsck(bob).problems != ()
    fetch(bob, find_target(bob, None))
    assert fsck(bob).problems == () and bob.resolve("origin/main") == head


def test_a_collection_in_between_is_noticed(
    store: Store, bob: Store, target: RemoteTarget, kit: Large, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    hold = bob.lock.hold

    def collected(purpose: str) -> AbstractContextManager[None]:
        if purpose == "a fetch":
            collect(bob, grace=timedelta(0), dry_run=False)
        return hold(purpose)

    monkeypatch.setattr(bob.lock, "hold", collected)
    refs = dict(bob.refs.items())
    with pytest.raises(StoreError, match="collected"):
        fetch(bob, find_target(bob, None))
    assert dict(bob.refs.items()) == refs and fsck(bob).problems == ()
