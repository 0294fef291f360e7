"""The Hub as a remote: the real ``huggingface_hub`` client against a Hub on loopback."""

from __future__ import annotations

from dataclasses import replace

import pytest
from huggingface_hub import HfApi

from tests.hub.fixtures import ADA
from tests.hub.server import Hub
from tests.sharing.hub_pushes import EMPTY, MAIN, REPO, Connect, commit_id, publication, push, read_all
from wisedb.errors import (
    CorruptObject,
    PushRejected,
    UsageError,
)
from wisedb.progress import Progress
from wisedb.sharing.manifest import bundle_path
from wisedb.sharing.remotes import hub_publish
from wisedb.sharing.remotes.protocol import Publication, Published, Snapshot

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
