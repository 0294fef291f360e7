"""Who may do what on the Hub, changes that are proposed, and what is kept of its manifests."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from tests.hub.faults import ActThenAnswer
from tests.hub.fixtures import ADA, EVE, READER
from tests.hub.server import Hub
from tests.sharing.hub_pushes import MAIN, REPO, Connect, commit_id, push, read_all
from wisedb.errors import (
    NotAuthorized,
    PushRejected,
    RemoteNotFound,
    RemoteUnavailable,
    UsageError,
)
from wisedb.sharing.remotes.protocol import Snapshot

# ------------------------------------------------------------------------------------------------- who may do what


def test_a_repository_that_is_not_there_has_no_refs(connect: Connect) -> None:
    for token in (ADA, False):
        remote = connect(token, repo="org/nothing")
        assert remote.refs() == {} and remote.snapshot(MAIN) == Snapshot(None, None, False)


def test_without_a_token_nothing_is_pushed(hub: Hub, connect: Connect) -> None:
    hub.add_repo(REPO)
    for repo in (REPO, "org/new"):
        with pytest.raises(NotAuthorized) as caught:
            push(connect(False, repo=repo), 1)
        assert "hf auth login" in caught.value.hint and "HF_TOKEN" in caught.value.hint


@pytest.mark.parametrize("token", [READER, EVE])
def test_without_permission_nothing_is_pushed(hub: Hub, connect: Connect, token: str) -> None:
    hub.add_repo(REPO)
    for repo in (REPO, "org/new"):
        with pytest.raises(NotAuthorized) as caught:
            push(connect(token, repo=repo), 1)
        assert "hf auth" in caught.value.hint and token not in str(caught.value) + caught.value.hint


def test_a_token_that_the_hub_does_not_know(hub: Hub, connect: Connect) -> None:
    hub.add_repo(REPO)
    with pytest.raises(NotAuthorized, match="doesn't know your token"):
        connect("hf_made_up").refs()


def test_a_private_repository_is_for_its_own(hub: Hub, connect: Connect) -> None:
    push(connect(), 1, private=True)
    assert connect().refs() == {MAIN: commit_id(1)}
    assert connect(EVE).refs() == {} and connect(False).refs() == {}


def test_private_is_not_taken_lightly(hub: Hub, connect: Connect) -> None:
    hub.add_repo(REPO)
    with pytest.raises(PushRejected, match="everybody can read it"):
        push(connect(), 1, private=True)
    assert connect().refs() == {}


def test_a_gated_pack_says_where_to_ask(hub: Hub, connect: Connect) -> None:
    push(connect(), 1)
    hub.state.repositories[REPO].gated = True
    for token in (EVE, False):
        with pytest.raises(NotAuthorized, match="gated") as caught:
            connect(token, cache=f"of-{token}").refs()
        assert f"{hub.url}/org/facts" in caught.value.hint
    hub.state.repositories[REPO].granted.add("eve")
    assert connect(EVE, cache="eve").refs() == {MAIN: commit_id(1)}


# ------------------------------------------------------------------------------------------------- pull requests


def test_a_change_is_proposed(hub: Hub, connect: Connect, hub_api: HfApi) -> None:
    push(connect(), 1)
    eve = connect(EVE, cache="eve")
    what, published = push(eve, 2, create_pr=True)
    assert published.url == f"{hub.url}/org/facts/discussions/1" and published.sent == frozenset(what.files)
    assert eve.refs() == {MAIN: commit_id(1)}
    hub_api.merge_pull_request(REPO, 1)
    assert eve.refs() == {MAIN: commit_id(2)} and read_all(eve, what) == what.files


def test_what_cannot_be_proposed(hub: Hub, connect: Connect) -> None:
    with pytest.raises(RemoteNotFound, match="could be proposed to"):
        push(connect(), 1, create_pr=True)
    push(connect(), 1)
    with pytest.raises(UsageError, match="only a change of a branch"):
        push(connect(), 2, create_pr=True, tags=("v1",))
    with pytest.raises(UsageError, match="no branch 'fix'"):
        push(connect(), 2, create_pr=True, ref="refs/heads/fix")
    assert hub.refs(REPO).keys() == {MAIN}


def test_a_lost_answer_to_a_proposal_is_told(hub: Hub, connect: Connect) -> None:
    push(connect(), 1)
    hub.faults.on("POST", "*/commit/*", ActThenAnswer(500))
    with pytest.raises(RemoteUnavailable) as caught:
        push(connect(), 2, create_pr=True)
    assert f"{hub.url}/org/facts/discussions" in caught.value.hint


# ------------------------------------------------------------------------------------------------ caches


def test_only_manifests_are_kept(hub: Hub, connect: Connect, tmp_path: Path) -> None:
    what, _ = push(connect(), 1)
    remote = connect(cache="other")
    assert remote.refs() and read_all(remote, what) == what.files
    kept = {path.name for path in (tmp_path / "other").rglob("snapshots/**/*") if not path.is_dir()}
    assert kept == {"wisedb.json"}
    hub.traffic.clear()
    connect(cache="other").refs()
    assert hub.traffic.kinds() == {"refs": 1}


def test_a_manifest_damaged_in_the_cache_is_fetched_again(connect: Connect, tmp_path: Path) -> None:
    push(connect(), 1)
    assert connect(cache="other").refs() == {MAIN: commit_id(1)}
    (blob,) = (path for path in (tmp_path / "other").rglob("blobs/*") if path.is_file())
    blob.write_bytes(blob.read_bytes().replace(commit_id(1).encode(), commit_id(2).encode()))
    assert connect(cache="other").refs() == {MAIN: commit_id(1)}


def test_switched_off(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    from huggingface_hub.utils import _http

    _http.close_session()
    try:
        with pytest.raises(RemoteUnavailable, match="HF_HUB_OFFLINE"):
            connect().refs()
    finally:
        _http.close_session()
