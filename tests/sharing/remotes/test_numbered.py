"""Whatever a pack is in, a push is one guarded step there: folders, fsspec's memory, S3."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.sharing.conftest import Large
from tests.sharing.remotes.publications import MAIN, manifest, publication
from wisedb.errors import (
    CorruptObject,
    FormatTooNew,
    MissingObject,
    PushRejected,
)
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.named import RemoteTarget
from wisedb.sharing.plan import Layout
from wisedb.sharing.push import push
from wisedb.sharing.remotes.numbered import Files, NumberedRemote
from wisedb.sharing.remotes.open import open_remote
from wisedb.sharing.remotes.protocol import Snapshot
from wisedb.store.fsck import fsck
from wisedb.store.store import Store


def test_files(files: Files, tmp_path: Path) -> None:
    assert files.names("") == files.names("a") == [] and files.size("a/b") is None
    with pytest.raises(MissingObject):
        files.read("a/b", limit=9)
    files.write("a/b", b"12345")
    source = tmp_path / "source"
    source.write_bytes(b"from a file")
    files.write("a/c/d", source)
    assert files.names("") == ["a"] and files.names("a") == ["b", "c"]
    assert files.size("a/b") == 5 and files.size("a/c") is None
    assert files.read("a/b", limit=5) == b"12345" and files.read("a/c/d", limit=99) == b"from a file"
    with pytest.raises(CorruptObject, match="longer"):
        files.read("a/b", limit=4)
    files.write("a/b", b"")
    assert files.read("a/b", limit=4) == b"" and files.size("a/b") == 0
    assert files.create("a/e", b"1") and not files.create("a/e", b"2") and files.read("a/e", limit=9) == b"1"
    files.remove("a/e")
    files.remove("a/e")
    assert files.create("a/e", b"2") and files.names("a") == ["b", "c", "e"]


def test_one_of_many_wins(files: Files, request: pytest.FixtureRequest) -> None:
    if "s3" in request.node.name:
        pytest.skip("the stand-in for S3 looks and writes in two steps; real ones do it in one")
    barrier = threading.Barrier(8)
    won: list[int] = []

    def create(number: int) -> None:
        barrier.wait()
        if files.create("manifests/00000001.json", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and files.read("manifests/00000001.json", limit=9) == str(won[0]).encode()


def test_a_pack_there_and_back(
    remote: NumberedRemote, options: dict[str, Any], store: Store, tmp_path: Path, kit: Large
) -> None:
    assert remote.refs() == {} and remote.snapshot(MAIN) == Snapshot(None, None, False)
    target = RemoteTarget("origin", remote, None)
    done = push(store, target)
    assert (done.commits, done.blobs) == (4, 8)
    again = push(store, target)
    assert again.refs == () and again.bytes == 0
    bob = clone(options["url"], tmp_path / "bob", remote=remote).store
    assert bob.head_commit() == store.head_commit() and fsck(bob).problems == ()
    for minute in (9, 10, 11):
        head = kit.land(store, kit.edit(minute), minute=minute)
        done = push(store, target, layout=Layout(most=2))
        assert (done.commits, done.blobs) == (1, 2)
    assert fetch(bob, target).branches == {"main": head}
    assert fsck(bob).problems == () and remote.url == options["url"]
    assert bob.config.remotes == {"origin": options["url"]}


def test_compare_and_swap(remote: NumberedRemote) -> None:
    empty = remote.snapshot(MAIN)
    remote.publish(publication(empty, 1))
    first = remote.snapshot(MAIN)
    assert first.exists and first.manifest == manifest(1, main=f"{1:064x}")
    assert not remote.snapshot("refs/heads/other").exists
    for stale in (empty, replace(first, lease="7")):
        with pytest.raises(PushRejected, match="moved"):
            remote.publish(publication(stale, 2))
    remote.publish(publication(first, 3))
    with pytest.raises(PushRejected):
        remote.publish(publication(first, 4))
    assert remote.refs() == {MAIN: f"{3:064x}"}


def test_the_last_step_alone_decides(remote: NumberedRemote, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if both have looked at the same moment: the second one to make the manifest is refused."""
    monkeypatch.setattr(remote, "_check_lease", lambda base: None)
    snapshot = remote.snapshot(MAIN)
    remote.publish(publication(snapshot, 1))
    with pytest.raises(PushRejected):
        remote.publish(publication(snapshot, 2))
    snapshot = remote.snapshot(MAIN)
    remote.publish(publication(snapshot, 3))
    with pytest.raises(PushRejected):
        remote.publish(publication(snapshot, 4))
    assert remote.refs() == {MAIN: f"{3:064x}"}


def test_numbers_that_became_free_fool_nobody(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = NumberedRemote(files, kept=2)
    stale = [remote.snapshot(MAIN)]
    for number in range(1, 8):
        remote.publish(publication(remote.snapshot(MAIN), number))
        stale.append(remote.snapshot(MAIN))
    assert files.names("manifests") == [f"{number:08}.json" for number in (0, 5, 6)]
    monkeypatch.setattr(remote, "_check_lease", lambda base: None)
    for snapshot in stale[:-1]:
        with pytest.raises(PushRejected):
            remote.publish(publication(snapshot, 9))
        assert remote.refs() == {MAIN: f"{7:064x}"}
        assert files.names("manifests") == [f"{number:08}.json" for number in (0, 5, 6)]
    remote.publish(publication(stale[-1], 9))
    assert remote.refs() == {MAIN: f"{9:064x}"}


def test_a_manifest_that_vanishes_between_two_looks(remote: NumberedRemote, monkeypatch: pytest.MonkeyPatch) -> None:
    remote.publish(publication(remote.snapshot(MAIN), 1))
    numbers = remote._numbers
    answers = [[0, 5], *[None] * 9]
    monkeypatch.setattr(remote, "_numbers", lambda: answers.pop(0) or numbers())
    assert remote.refs() == {MAIN: f"{1:064x}"}


def test_junk_among_the_manifests(files: Files) -> None:
    remote = NumberedRemote(files)
    files.write("manifests/README", b"x")
    files.write("manifests/99.json", b"x")
    assert remote.refs() == {}
    files.write("manifests/00000003.json", b'{"format": 9}')
    with pytest.raises(FormatTooNew):
        remote.refs()
    files.write("manifests/00000003.json", b"junk")
    with pytest.raises(CorruptObject, match=r"00000003\.json"):
        remote.refs()


def test_no_lists_from_a_moment_ago(options: dict[str, Any]) -> None:
    one, other = open_remote(**options), open_remote(**options)
    assert other.refs() == {}
    one.publish(publication(one.snapshot(MAIN), 1))
    assert other.refs() == {MAIN: f"{1:064x}"}
    one.publish(publication(one.snapshot(MAIN), 2))
    assert other.refs() == {MAIN: f"{2:064x}"}


# What can go wrong
