"""Pushes to a Hub that others push to at the same time, or that fails in the middle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from huggingface_hub import HfApi

from tests.hub.faults import ActThenAnswer, Answer, CutBody, CutUpload, First, HangUp
from tests.hub.fixtures import ADA
from tests.hub.server import Hub
from tests.sharing.hub_pushes import MAIN, REPO, Connect, commit_id, publication, push, read_all
from wisedb.errors import (
    PushRejected,
    RemoteError,
    RemoteUnavailable,
)
from wisedb.sharing.remotes import hub_publish

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
