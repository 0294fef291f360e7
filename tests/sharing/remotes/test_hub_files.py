"""What is read from the Hub: downloads go on where they were cut, and wrong bytes are never taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.faults import Answer, CutBody, WrongBytes
from tests.hub.fixtures import ADA
from tests.hub.server import Hub
from tests.sharing.hub_pushes import MAIN, Connect, commit_id, push, read_all
from wisedb.errors import (
    CorruptObject,
    MissingObject,
    RemoteUnavailable,
)
from wisedb.sharing.remotes.hub import HubRemote
from wisedb.sharing.remotes.protocol import Snapshot


def test_a_cut_download_goes_on(hub: Hub, connect: Connect) -> None:
    what, _ = push(connect(), 1, size=100_000)
    fault = hub.faults.on("GET", "/files/*", CutBody(40_000))
    remote = connect(cache="other")
    assert read_all(remote, what) == what.files
    assert fault.struck == 1


def test_wrong_bytes_are_fetched_again(hub: Hub, connect: Connect) -> None:
    what, _ = push(connect(), 1)
    fault = hub.faults.on("GET", "/files/*", WrongBytes())
    remote = connect(cache="other")
    assert read_all(remote, what) == what.files
    assert fault.struck == 1


def test_wrong_bytes_that_stay_are_refused_and_not_kept(hub: Hub, connect: Connect) -> None:
    what, _ = push(connect(), 1)
    hub.faults.on("GET", "/files/*", WrongBytes(), times=None)
    remote = connect(cache="other")
    with pytest.raises(CorruptObject, match="other bytes than the Hub says"):
        read_all(remote, what)
    hub.faults.clear()
    assert read_all(remote, what) == what.files


def test_wrong_bytes_of_the_manifest(hub: Hub, connect: Connect) -> None:
    push(connect(), 1)
    fault = hub.faults.on("GET", "*/wisedb.json", WrongBytes())
    assert connect(cache="other").refs() == {MAIN: commit_id(1)} and fault.struck == 1


def test_what_is_too_long_is_not_even_fetched(hub: Hub, connect: Connect) -> None:
    what, _ = push(connect(), 1, size=5000)
    remote = connect(cache="other")
    snapshot = remote.snapshot(MAIN)
    hub.traffic.clear()
    for path in what.files:
        with pytest.raises(CorruptObject, match="longer than 4999 bytes"):
            remote.read(path, snapshot, limit=4999)
    assert hub.traffic.sent("download") == 0
    assert remote.read(next(iter(what.files)), snapshot, limit=5000)


def test_a_file_that_is_not_there(connect: Connect) -> None:
    push(connect(), 1)
    with pytest.raises(MissingObject):
        connect().read("bundles/00/00.zip", connect().snapshot(MAIN), limit=10)
    with pytest.raises(MissingObject):
        connect().read("x", Snapshot(None, None, False), limit=10)


def test_a_hub_that_does_not_answer(connect: Connect, tmp_path: Path) -> None:
    remote = HubRemote("hf://org/facts", endpoint="http://127.0.0.1:9", token=ADA, cache_dir=tmp_path)
    with pytest.raises(RemoteUnavailable, match=r"the Hub at http://127.0.0.1:9 can't be reached"):
        remote.refs()


def test_too_many_requests(hub: Hub, connect: Connect) -> None:
    hub.faults.on("GET", "*/refs", Answer(429))
    with pytest.raises(RemoteUnavailable, match="slow down"):
        connect().refs()
