"""A Hub that others push to at the same time, or that fails in the middle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from tests.hub.faults import ActThenAnswer, Answer, CutBody, CutUpload, First, HangUp, WrongBytes
from tests.hub.fixtures import ADA
from tests.hub.server import Hub
from tests.sharing.hub_pushes import MAIN, REPO, Connect, commit_id, publication, push, read_all
from wisedb.errors import (
    CorruptObject,
    MissingObject,
    PushRejected,
    RemoteError,
    RemoteUnavailable,
)
from wisedb.sharing.remotes import hub_publish
from wisedb.sharing.remotes.hub import HubRemote
from wisedb.sharing.remotes.protocol import Snapshot

# ----------------------------------------------------------------------------------------------------------- races


def test_a_lost_race_is_refused(connect: Connect) -> None:
    push(connect(), 1)
    remote = connect()
    what = publication(remote.snapshot(MAIN), 2)
    push(connect(cache="other"), 3)
    with pytest.raises(PushRejected, match="'main' of 'org/facts' has moved") as caught:
        remote.publish(what)
    assert "wisedb pull" in caught.value.hint
    assert remote.refs() == {MAIN: commit_id(3)}


def test_a_race_lost_at_the_last_moment(hub: Hub, connect: Connect) -> None:
    push(connect(), 1)
    remote = connect()
    what = publication(remote.snapshot(MAIN), 2)
    fault = hub.faults.on("POST", "*/commit/*", First(lambda: push(connect(cache="other"), 3)))
    with pytest.raises(PushRejected, match="'main' of 'org/facts' has moved"):
        remote.publish(what)
    assert fault.struck == 1 and remote.refs() == {MAIN: commit_id(3)}


def test_two_first_pushes(hub: Hub, connect: Connect) -> None:
    remote = connect()
    what = publication(remote.snapshot(MAIN), 1)
    push(connect(cache="other"), 2)
    with pytest.raises(PushRejected, match="somebody has just published"):
        remote.publish(what)
    assert remote.refs() == {MAIN: commit_id(2)}


def test_two_pushes_of_one_new_branch(hub: Hub, connect: Connect) -> None:
    push(connect(), 1)
    remote = connect()
    what = publication(remote.snapshot("refs/heads/fix"), 2, ref="refs/heads/fix")
    hub.faults.on("POST", "*/branch/fix", First(lambda: push(connect(cache="other"), 3, ref="refs/heads/fix")))
    with pytest.raises(PushRejected):
        remote.publish(what)
    assert remote.refs() == {MAIN: commit_id(1), "refs/heads/fix": commit_id(3)}


# ------------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("fault", [ActThenAnswer(500), ActThenAnswer(504), HangUp(acted=True), CutBody(10)])
def test_a_commit_that_happened_is_a_push(hub: Hub, connect: Connect, fault: Any) -> None:
    struck = hub.faults.on("POST", "*/commit/*", fault)
    what, published = push(connect(), 1, tags=("v1",))
    assert struck.struck == 1 and published.sent == frozenset(what.files)
    assert connect(cache="other").refs() == {MAIN: commit_id(1), "refs/tags/v1": commit_id(1)}
    assert len(HfApi(endpoint=hub.url, token=ADA).list_repo_commits(REPO)) == 2


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), HangUp(), CutUpload(20)])
def test_a_commit_that_did_not_happen_is_none_and_what_was_sent_stays(hub: Hub, connect: Connect, fault: Any) -> None:
    struck = hub.faults.on("POST", "*/commit/*", fault)
    remote = connect()
    what = publication(remote.snapshot(MAIN), 1)
    with pytest.raises(RemoteUnavailable):
        remote.publish(what)
    assert struck.struck == 1 and remote.refs() == {}
    hub.traffic.clear()
    remote.publish(replace(what, snapshot=remote.snapshot(MAIN)))
    assert hub.traffic.received("upload") == 0 and remote.refs() == {MAIN: commit_id(1)}


def test_a_commit_that_happened_while_the_hub_went_on_failing(
    hub: Hub, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_publish, "_PATIENCE", (0.0, 0.0, 0.0))
    hub.faults.on("POST", "*/commit/*", ActThenAnswer(502))
    hub.faults.on("GET", "*/refs", Answer(502), nth=4, times=2)  # refs, snapshot and publish look before
    push(connect(), 1)
    assert connect().refs() == {MAIN: commit_id(1)}


def test_when_it_stays_open_that_is_said(hub: Hub, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_publish, "_PATIENCE", (0.0, 0.0))
    push(connect(), 1)
    remote = connect()
    what = publication(remote.snapshot(MAIN), 2)
    hub.faults.on("POST", "*/commit/*", ActThenAnswer(500))
    fault = hub.faults.on("GET", "*/refs", Answer(500), nth=2, times=2)
    with pytest.raises(RemoteUnavailable, match="doesn't say whether it was"):
        remote.publish(what)
    assert fault.struck == 2 and connect().refs() == {MAIN: commit_id(2)}


def test_a_commit_on_top_of_ours_is_not_ours(hub: Hub, connect: Connect) -> None:
    push(connect(), 1)
    remote = connect()
    what = publication(remote.snapshot(MAIN), 2)
    hub.faults.on("POST", "*/commit/*", Answer(500))
    hub.faults.on("GET", "*/refs", First(lambda: push(connect(cache="other"), 3)), nth=2)
    with pytest.raises(PushRejected):
        remote.publish(what)
    assert connect(cache="other").refs() == {MAIN: commit_id(3)}


def test_an_interrupted_upload_goes_on(hub: Hub, connect: Connect) -> None:
    hub.faults.on("PUT", "/objects/*", Answer(403), nth=2, times=None)
    remote = connect()
    what = publication(remote.snapshot(MAIN), 1)
    with pytest.raises(RemoteError):
        remote.publish(what)
    assert remote.refs() == {} and len(hub.traffic.uploaded()) == 1
    (sent,) = hub.traffic.uploaded()
    hub.faults.clear()
    hub.traffic.clear()
    remote.publish(replace(what, snapshot=remote.snapshot(MAIN)))
    assert hub.traffic.received("upload") == 100 and sent not in hub.traffic.uploaded()
    assert read_all(remote, what) == what.files


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
