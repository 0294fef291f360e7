"""A pack at hand: cloned once, as fresh as its remote, and of large memories only what was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.sharing.conftest import Failing, Large
from wisedb.errors import (
    CorruptObject,
    MissingObject,
    RemoteNotFound,
    RemoteUnavailable,
    UnknownRemote,
    UnknownRevision,
)
from wisedb.sharing import cache
from wisedb.sharing.cache import CachedPack, cached_pack
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.push import push
from wisedb.sharing.remotes.folder import FolderRemote
from wisedb.store.store import Store

Cached = Callable[..., CachedPack]


@pytest.fixture
def remote(pack: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Failing]:
    """What reads the pack; says what was asked."""
    counting = Failing(FolderRemote(pack))
    monkeypatch.setattr(cache, "open_remote", lambda *_, **__: counting)
    yield counting


@pytest.fixture
def cached(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path, remote: Failing) -> Cached:
    """Finds the pack, which holds what the store has pushed."""
    push(store, target)
    remote.calls.clear()
    return lambda revision=None, **given: cached_pack(str(pack), revision, cache_dir=tmp_path / "cache", **given)


def _payloads(remote: Failing) -> int:
    return sum(path.startswith("objects/") for path in remote.arrived)


def test_only_the_memories_of_the_commit_travel_and_only_once(cached: Cached, store: Store, remote: Failing) -> None:
    head, commit = store.head_commit()
    found = cached()
    assert (found.commit_id, found.commit) == (head, commit)
    assert _payloads(remote) == 0 and len(found.store.objects.promised([commit.memories[0].main])) > 0
    found.complete()
    assert _payloads(remote) == 1
    assert found.store.objects.get(commit.memories[0].main) == store.objects.get(commit.memories[0].main)
    remote.arrived.clear()
    cached().complete()
    assert remote.arrived == []
    cached("main~1").complete()
    assert _payloads(remote) == 1


def test_it_follows_the_remote(cached: Cached, store: Store, target: RemoteTarget, kit: Large) -> None:
    head = cached().commit_id
    first = store.objects.commit(head).parents[0]
    store.refs.create("refs/heads/other", head, "branch")
    store.refs.create("refs/tags/v1", head, "tag")
    later = kit.land(store, kit.edit(9), minute=9)
    push(store, target, PushOptions(all_branches=True, all_tags=True))
    assert (cached().commit_id, cached("main").commit_id, cached("HEAD").commit_id) == (later, later, later)
    assert (cached("other").commit_id, cached("v1").commit_id, cached("v1~1").commit_id) == (head, head, first)
    assert cached(head[:8]).commit_id == head
    store.refs.update("refs/tags/v1", head, first, "tag")
    store.refs.update("refs/heads/other", head, first, "reset")
    push(store, target, PushOptions(all_branches=True, all_tags=True, force=True))
    assert (cached("other").commit_id, cached("v1").commit_id) == (first, first)
    store.refs.update("refs/tags/v1", first, None, "tag")
    push(store, target, PushOptions(delete=("v1", "other")))
    for gone in ("v1", "other", "nowhere", "../main", "main@{0}", "zzzz"):
        with pytest.raises(UnknownRevision) as refused:
            cached(gone)
        assert "main" in refused.value.hint or "@" in gone
    assert cached().commit_id == later


def test_nothing_is_asked_where_nothing_can_have_changed(cached: Cached, store: Store, remote: Failing) -> None:
    head = cached().commit_id
    remote.calls.clear()
    assert cached(head).commit_id == head
    assert remote.calls == []
    cached()
    assert remote.calls and not [call for call in remote.calls if call.startswith(("objects/", "bundles/"))]


def test_without_network_what_is_missing_is_named(cached: Cached, store: Store, remote: Failing, pack: Path) -> None:
    with pytest.raises(RemoteUnavailable) as refused:
        cached(local_files_only=True)
    assert str(pack) in refused.value.message and refused.value.hint
    cached()
    remote.calls.clear()
    here = cached(local_files_only=True)
    with pytest.raises(MissingObject) as lacking:
        here.complete()
    assert here.commit_id[:12] in lacking.value.message and "local_files_only" in lacking.value.hint
    assert remote.calls == []
    cached().complete()
    remote.calls.clear()
    cached(local_files_only=True).complete()
    assert remote.calls == []


def test_a_remote_that_is_out_of_reach_is_used_as_it_was(cached: Cached, remote: Failing) -> None:
    remote.at, remote.error = 1, RemoteUnavailable("the network is down")
    with pytest.raises(RemoteUnavailable):
        cached()
    head = cached().commit_id
    remote.calls.clear()
    with pytest.warns(UserWarning, match="the network is down"):
        assert cached().commit_id == head


def test_a_clone_that_was_cut_goes_on(cached: Cached, store: Store, remote: Failing) -> None:
    for at in range(1, 12):
        remote.calls.clear()
        remote.at, remote.error = at, RemoteUnavailable("cut")
        try:
            found = cached()
            found.complete()
        except RemoteUnavailable:
            continue
        break
    assert found.commit_id == store.head_commit()[0]


def test_other_failures_are_not_hidden_by_the_cache(cached: Cached, remote: Failing, kit: Large, store: Store) -> None:
    cached()
    remote.calls.clear()
    remote.at, remote.error = 1, CorruptObject("damaged")
    with pytest.raises(CorruptObject):
        cached()


def test_no_pack_and_no_address(remote: Failing, tmp_path: Path, pack: Path) -> None:
    with pytest.raises(RemoteNotFound):
        cached_pack(str(pack), cache_dir=tmp_path / "cache")
    with pytest.raises(UnknownRemote):
        cached_pack("no address", cache_dir=tmp_path / "cache")


def test_a_pack_that_is_taken_away(cached: Cached, remote: Failing) -> None:
    cached()
    remote.remote = SimpleNamespace(refs=dict, url="gone", shared=True)
    with pytest.raises(RemoteNotFound):
        cached()


def test_two_addresses_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    from wisedb.sharing.url import parse_address

    one, other = parse_address("hf://org/facts"), parse_address("hf://other/facts")
    places = {
        cache._place(address, endpoint, tmp_path) for address in (one, other) for endpoint in (None, "https://hub.test")
    }
    assert len(places) == 4
    assert all(place.is_relative_to(tmp_path / "assets" / "wisedb") for place in places)


def test_processes_take_turns(store: Store, target: RemoteTarget, pack: Path, tmp_path: Path) -> None:
    push(store, target)
    code = f"""
from pathlib import Path
from wisedb.sharing.cache import cached_pack
found = cached_pack({str(pack)!r}, cache_dir=Path({str(tmp_path / "cache")!r}))
found.complete()
print(found.commit_id, found.store.objects.get(found.commit.memories[0].main).id)
"""
    command = [sys.executable, "-c", code]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=120) for process in running]
    head, commit = store.head_commit()
    assert [out.split() for out, _ in answers] == [[head, commit.memories[0].main]] * 3, answers
