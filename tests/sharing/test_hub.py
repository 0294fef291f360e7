"""The Hub as a remote: the real ``huggingface_hub`` client against a Hub on loopback."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

from tests.hub.faults import ActThenAnswer, Answer, CutBody, CutUpload, First, HangUp, WrongBytes
from tests.hub.fixtures import ADA, EVE, READER
from tests.hub.server import Hub
from wisedb.canonical import digest
from wisedb.config import BaseModel, EditorChoice
from wisedb.errors import (
    CorruptObject,
    MissingObject,
    NotAuthorized,
    PushRejected,
    RemoteError,
    RemoteNotFound,
    RemoteUnavailable,
    UsageError,
)
from wisedb.progress import Progress
from wisedb.sharing.manifest import Bundle, Manifest, bundle_path
from wisedb.sharing.remotes import hub_publish, open_remote
from wisedb.sharing.remotes.hub import HubRemote
from wisedb.sharing.remotes.protocol import Publication, Published, Snapshot

REPO = "org/facts"
MAIN = "refs/heads/main"
BASE = BaseModel("some/model", None, "a" * 64, "b" * 64, "model.layers.5.mlp.down_proj")
EMPTY = Manifest(BASE, EditorChoice())

Connect = Callable[..., HubRemote]


@pytest.fixture
def connect(hub: Hub, hub_api: HfApi, tmp_path: Path) -> Connect:
    """A remote at ``org/facts``, as ada with a cache of its own; ``hub_api`` switches Xet off in this process."""

    def make(token: str | bool = ADA, cache: str = "cache", repo: str = REPO, **more: Any) -> HubRemote:
        return HubRemote(f"hf://{repo}", token=token, endpoint=hub.url, cache_dir=tmp_path / cache, **more)

    return make


def commit_id(number: int) -> str:
    return f"{number:064x}"


def publication(
    snapshot: Snapshot, number: int, *, ref: str = MAIN, size: int = 100, tags: tuple[str, ...] = (), **more: Any
) -> Publication:
    """A push of commit ``number`` with one bundle and one large file, as the layers above make them."""
    bundle = os.urandom(size)
    large = f"objects/ab/{digest(bundle)[2:]}.safetensors"
    before = snapshot.manifest or EMPTY
    refs = {ref: commit_id(number), **{f"refs/tags/{tag}": commit_id(number) for tag in tags}}
    own = {name: value for name, value in before.refs.items() if not name.startswith("refs/heads/")}
    entry = Bundle(digest(bundle), len(bundle), 1, (commit_id(number),))
    manifest = replace(before, refs={**own, **refs}, bundles=(*before.bundles, entry))
    files = {entry.path: bundle, large: os.urandom(size)}
    return Publication(snapshot, ref, refs, manifest, **{"files": files, "message": f"Push {number}", **more})


def push(remote: HubRemote, number: int, *, ref: str = MAIN, **more: Any) -> tuple[Publication, Published]:
    remote.refs()
    what = publication(remote.snapshot(ref), number, ref=ref, **more)
    return what, remote.publish(what)


def read_all(remote: HubRemote, what: Publication, ref: str = MAIN) -> Mapping[str, bytes]:
    snapshot = remote.snapshot(ref)
    return {path: remote.read(path, snapshot, limit=1 << 20) for path in what.files}


# ------------------------------------------------------------------------------------------------- what is published


def test_a_push_is_one_commit_that_others_read(hub: Hub, connect: Connect) -> None:
    remote = connect()
    assert remote.url == "hf://org/facts" and not remote.shared
    assert remote.refs() == {} and remote.snapshot(MAIN) == Snapshot(None, None, False)
    what, published = push(remote, 1, card="---\nlicense: mit\n---\n# Hi\n")
    assert published == Published(frozenset(what.files), 200)
    assert len(HfApi(endpoint=hub.url, token=ADA).list_repo_commits(REPO)) == 2  # the Hub's own first one, and this
    assert hub.files(REPO)["README.md"].endswith(b"# Hi\n")

    other = connect(cache="other")
    assert other.refs() == {MAIN: commit_id(1)}
    assert read_all(other, what) == what.files
    snapshot = other.snapshot(MAIN)
    assert snapshot == Snapshot(what.manifest, hub.refs(REPO)[MAIN], True)


def test_the_next_push_builds_on_it(hub: Hub, connect: Connect) -> None:
    first, _ = push(connect(), 1)
    second, _ = push(connect(), 2)
    assert connect(cache="other").refs() == {MAIN: commit_id(2)}
    assert read_all(connect(cache="other"), first) == first.files
    assert read_all(connect(), second) == second.files


def test_open_remote_finds_the_hub(hub: Hub, connect: Connect) -> None:
    remote = open_remote("org/facts", token=ADA, endpoint=hub.url)
    assert isinstance(remote, HubRemote) and remote.url == "hf://org/facts"


def test_consolidated_bundles_go_in_the_same_commit(hub: Hub, connect: Connect) -> None:
    remote = connect()
    first, _ = push(remote, 1)
    old = next(path for path in first.files if path.startswith("bundles/"))
    snapshot = remote.snapshot(MAIN)
    what = publication(snapshot, 2, removed=(old, bundle_path("0" * 64)))  # the second one was never there
    what = replace(what, manifest=replace(what.manifest, bundles=what.manifest.bundles[1:]))
    remote.publish(what)
    assert old not in hub.files(REPO) and set(what.files) <= set(hub.files(REPO))
    # Who reads by the old manifest still finds what it names.
    assert connect(cache="other").read(old, snapshot, limit=1000) == first.files[old]


def test_a_snapshot_stays_what_it_was(connect: Connect) -> None:
    remote, other = connect(), connect(cache="other")
    push(remote, 1, card="one")
    before = other.snapshot(MAIN)
    push(remote, 2, card="two")
    assert other.read("README.md", before, limit=100) == b"one"
    assert other.read("README.md", other.snapshot(MAIN), limit=100) == b"two"


def test_a_card_is_left_alone_where_none_is_given(hub: Hub, connect: Connect) -> None:
    push(connect(), 1, card="one")
    push(connect(), 2)
    assert hub.files(REPO)["README.md"] == b"one"


def test_what_is_there_is_not_sent_again(hub: Hub, connect: Connect) -> None:
    remote = connect()
    what, _ = push(remote, 1)
    hub.traffic.clear()
    again = replace(publication(remote.snapshot(MAIN), 2), files=what.files)
    assert remote.publish(again) == Published(frozenset(), 0)
    assert hub.traffic.uploaded() == ["org/facts:wisedb.json"]


def test_progress_counts_bytes(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_publish, "_TOGETHER", 1)
    remote, told = connect(), list[Progress]()
    what = publication(remote.snapshot(MAIN), 1)
    remote.publish(what, progress=told.append)
    assert {event.phase for event in told} == {"sending"} and [event.done for event in told][:2] == [0, 100]
    assert told[-1].done == told[-1].total == 200 + len(what.manifest.to_bytes())


def test_a_gitignore_over_there_holds_nothing_back(hub: Hub, connect: Connect) -> None:
    hub.add_repo(REPO, {".gitignore": b"*.zip\n*.safetensors\nwisedb.json\n"})
    what, _ = push(connect(), 1)
    assert {**what.files, "wisedb.json": what.manifest.to_bytes()}.items() <= hub.files(REPO).items()


def test_what_was_listed_is_what_is_read(hub: Hub, connect: Connect) -> None:
    push(connect(), 1, tags=("v1", "v2"))
    remote = connect(cache="other")
    listed = remote.refs()
    push(connect(), 2)
    hub.traffic.clear()
    for ref, commit in listed.items():
        snapshot = remote.snapshot(ref)
        assert snapshot.manifest is not None and snapshot.manifest.refs[ref] == commit
    assert hub.traffic.exchanges == []  # it was all seen before
    later = remote.snapshot(MAIN)
    assert later.manifest is not None and later.manifest.refs[MAIN] == commit_id(2)


# --------------------------------------------------------------------------------------------------- branches and tags


def test_a_branch_is_seen_once_its_manifest_names_it(hub: Hub, connect: Connect, hub_api: HfApi) -> None:
    push(connect(), 1)
    hub_api.create_branch(REPO, branch="fix")  # its manifest is that of main
    remote = connect()
    assert remote.refs() == {MAIN: commit_id(1)}
    snapshot = remote.snapshot("refs/heads/fix")
    assert snapshot.manifest is not None and not snapshot.exists
    push(remote, 2, ref="refs/heads/fix")
    assert remote.refs() == {MAIN: commit_id(1), "refs/heads/fix": commit_id(2)}


def test_a_new_branch_begins_where_main_is(hub: Hub, connect: Connect) -> None:
    first, _ = push(connect(), 1)
    remote = connect(cache="other")
    assert remote.snapshot("refs/heads/a/b") == replace(connect().snapshot(MAIN), exists=False)
    second, _ = push(remote, 2, ref="refs/heads/a/b")
    assert remote.refs() == {"refs/heads/a/b": commit_id(2), MAIN: commit_id(1)}
    assert read_all(remote, second, "refs/heads/a/b") == second.files
    assert read_all(remote, first, "refs/heads/a/b") == first.files
    assert set(second.files).isdisjoint(hub.files(REPO))


def test_the_first_branch_need_not_be_main(connect: Connect) -> None:
    push(connect(), 1, ref="refs/heads/fix")
    assert connect(cache="other").refs() == {"refs/heads/fix": commit_id(1)}


def test_a_tag_stands_at_the_commit_that_names_it(hub: Hub, connect: Connect) -> None:
    push(connect(), 1, tags=("v1",))
    assert hub.refs(REPO)["refs/tags/v1"] == hub.refs(REPO)[MAIN]
    push(connect(), 2)
    remote = connect(cache="other")
    assert remote.refs() == {MAIN: commit_id(2), "refs/tags/v1": commit_id(1)}
    snapshot = remote.snapshot("refs/tags/v1")
    assert snapshot.exists and snapshot.manifest is not None and snapshot.manifest.tags == {"v1": commit_id(1)}


def test_a_tag_alone_moves_no_branch(connect: Connect) -> None:
    what, _ = push(connect(), 1)
    remote = connect()
    remote.refs()
    snapshot = remote.snapshot(MAIN)
    tag = "refs/tags/v1"
    manifest = replace(what.manifest, refs={**what.manifest.refs, tag: commit_id(1)})
    remote.publish(Publication(snapshot, MAIN, {tag: commit_id(1)}, manifest))
    assert remote.refs() == {MAIN: commit_id(1), tag: commit_id(1)}
    # Killed before the Hub's tag was made, the same push makes it.
    connect()._api.delete_tag(REPO, tag="v1")
    assert remote.refs() == {MAIN: commit_id(1)}
    remote.publish(Publication(remote.snapshot(MAIN), MAIN, {tag: commit_id(1)}, manifest))
    assert remote.refs() == {MAIN: commit_id(1), tag: commit_id(1)}


def test_a_tag_moves_and_goes(connect: Connect) -> None:
    push(connect(), 1, tags=("v1",))
    push(connect(), 2, tags=("v1",))
    remote = connect()
    assert remote.refs()["refs/tags/v1"] == commit_id(2)
    snapshot = remote.snapshot(MAIN)
    assert snapshot.manifest is not None
    manifest = replace(snapshot.manifest, refs={MAIN: commit_id(2)})
    remote.publish(Publication(snapshot, MAIN, {"refs/tags/v1": None}, manifest))
    assert remote.refs() == {MAIN: commit_id(2)}


def test_a_tag_made_on_the_hubs_pages_counts(connect: Connect, hub_api: HfApi) -> None:
    push(connect(), 1)
    hub_api.create_tag(REPO, tag="of-the-web")
    push(connect(), 2)
    remote = connect()
    assert remote.refs() == {MAIN: commit_id(2), "refs/tags/of-the-web": commit_id(1)}
    snapshot = remote.snapshot("refs/tags/of-the-web")
    assert snapshot.exists and snapshot.manifest is not None
    assert snapshot.manifest.refs["refs/tags/of-the-web"] == commit_id(1)


def test_a_tag_that_somebody_else_made_meanwhile_is_not_moved(connect: Connect, hub_api: HfApi) -> None:
    push(connect(), 1)
    remote = connect()
    remote.refs()
    what = publication(remote.snapshot(MAIN), 2, tags=("v1",))
    hub_api.create_tag(REPO, tag="v1")
    with pytest.raises(PushRejected, match="the tag 'v1' of 'org/facts' has changed"):
        remote.publish(what)
    assert remote.refs() == {MAIN: commit_id(1), "refs/tags/v1": commit_id(1)}


def test_a_branch_is_deleted_unless_it_moved(hub: Hub, connect: Connect) -> None:
    push(connect(), 1)
    push(connect(), 2, ref="refs/heads/fix")
    remote = connect()
    stale = remote.snapshot("refs/heads/fix")
    push(connect(), 3, ref="refs/heads/fix")

    def delete(snapshot: Snapshot, ref: str = "refs/heads/fix") -> Published:
        return remote.publish(Publication(snapshot, ref, {ref: None}, snapshot.manifest or EMPTY))

    with pytest.raises(PushRejected, match="'fix' of 'org/facts' has moved"):
        delete(stale)
    delete(remote.snapshot("refs/heads/fix"))
    assert remote.refs() == {MAIN: commit_id(1)} and "refs/heads/fix" not in hub.refs(REPO)
    with pytest.raises(UsageError, match="keeps the branch 'main'"):
        delete(remote.snapshot(MAIN), MAIN)


def test_a_repository_that_is_no_pack(hub: Hub, connect: Connect) -> None:
    hub.add_repo(REPO, {"config.json": b"{}"})
    remote = connect()
    assert remote.refs() == {}
    snapshot = remote.snapshot(MAIN)
    assert snapshot == Snapshot(None, hub.refs(REPO)[MAIN], False)
    push(remote, 1)
    assert remote.refs() == {MAIN: commit_id(1)} and hub.files(REPO)["config.json"] == b"{}"


def test_a_manifest_that_is_none(hub: Hub, connect: Connect) -> None:
    hub.add_repo(REPO, {"wisedb.json": b"{}"})
    with pytest.raises(CorruptObject, match=r"wisedb.json of 'org/facts' is no manifest"):
        connect().refs()


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
