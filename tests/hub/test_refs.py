"""The real client and refs: branches, tags, pull requests, history."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

from tests.hub.fixtures import EVE
from tests.hub.server import Hub


def test_branches(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts")
    first = hub.refs("org/facts")["refs/heads/main"]
    hub.push("org/facts", {"a.txt": b"a"})
    hub_api.create_branch("org/facts", branch="feature/one", revision=first)
    hub_api.create_branch("org/facts", branch="two")
    with pytest.raises(HfHubHTTPError) as caught:
        hub_api.create_branch("org/facts", branch="two")
    assert caught.value.response.status_code == 409
    hub_api.create_branch("org/facts", branch="two", exist_ok=True)
    found = {ref.name: ref.target_commit for ref in hub_api.list_repo_refs("org/facts").branches}
    assert found.keys() == {"main", "feature/one", "two"}
    assert found["feature/one"] == first
    hub_api.delete_branch("org/facts", branch="feature/one")
    assert hub.refs("org/facts").keys() == {"refs/heads/main", "refs/heads/two"}
    with pytest.raises(HfHubHTTPError):
        hub_api.delete_branch("org/facts", branch="main")
    with pytest.raises(RevisionNotFoundError):
        hub_api.create_branch("org/facts", branch="three", revision="nowhere")


def test_tags(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts", {"a.txt": b"a"})
    tagged = hub.refs("org/facts")["refs/heads/main"]
    hub_api.create_tag("org/facts", tag="v1", tag_message="The first", revision=tagged)
    hub.push("org/facts", {"a.txt": b"b"})
    with pytest.raises(HfHubHTTPError) as caught:
        hub_api.create_tag("org/facts", tag="v1")
    assert caught.value.response.status_code == 409
    hub_api.create_tag("org/facts", tag="v1", exist_ok=True)
    (tag,) = hub_api.list_repo_refs("org/facts").tags
    assert (tag.name, tag.ref, tag.target_commit) == ("v1", "refs/tags/v1", tagged)
    assert hub_api.repo_info("org/facts", revision="v1").sha == tagged
    hub_api.delete_tag("org/facts", tag="v1")
    assert not hub_api.revision_exists("org/facts", "v1")


def test_a_pull_request_by_a_commit(hub: Hub, hub_api: HfApi) -> None:
    """Eve may not write, so she proposes; ada merges, although main has moved on."""
    hub.add_repo("org/facts", {"a.txt": b"a"})
    eve = HfApi(endpoint=hub.url, token=EVE)
    files = [CommitOperationAdd("b.txt", b"b"), CommitOperationAdd("c.safetensors", b"c" * 50)]
    made = eve.create_commit("org/facts", files, commit_message="Propose b", create_pr=True)
    assert (made.pr_num, made.pr_revision) == (1, "refs/pr/1")
    assert "b.txt" not in hub.files("org/facts")
    assert hub.files("org/facts", "refs/pr/1")["c.safetensors"] == b"c" * 50
    eve.create_commit(
        "org/facts", [CommitOperationAdd("d.txt", b"d")], commit_message="And d", revision=made.pr_revision
    )
    refs = hub_api.list_repo_refs("org/facts", include_pull_requests=True).pull_requests
    assert refs is not None and [ref.ref for ref in refs] == ["refs/pr/1"]
    hub.push("org/facts", {"e.txt": b"e"})
    hub_api.merge_pull_request("org/facts", 1)
    assert hub.files("org/facts").keys() == {".gitattributes", "a.txt", "b.txt", "c.safetensors", "d.txt", "e.txt"}
    details = hub_api.get_discussion_details("org/facts", 1)
    assert (details.status, details.author) == ("merged", "eve")


def test_a_pull_request_that_conflicts_is_not_merged(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts", {"a.txt": b"a"})
    files = [CommitOperationAdd("a.txt", b"theirs")]
    hub_api.create_commit("org/facts", files, commit_message="Propose", create_pr=True)
    hub.push("org/facts", {"a.txt": b"ours"})
    assert hub_api.get_discussion_details("org/facts", 1).conflicting_files == ["a.txt"]
    with pytest.raises(HfHubHTTPError) as caught:
        hub_api.merge_pull_request("org/facts", 1)
    assert caught.value.response.status_code == 409
    hub_api.change_discussion_status("org/facts", 1, "closed")
    assert [pull.status for pull in hub_api.get_repo_discussions("org/facts")] == ["closed"]


def test_an_empty_pull_request_is_opened_and_filled(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts")
    opened = hub_api.create_pull_request("org/facts", title="Some facts")
    assert (opened.num, opened.status, opened.target_branch) == (1, "draft", "refs/heads/main")
    hub_api.create_commit(
        "org/facts", [CommitOperationAdd("a.txt", b"a")], commit_message="a", revision=opened.git_reference
    )
    assert "a.txt" in hub.files("org/facts", "refs/pr/1")


def test_a_long_history_comes_in_pages(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts")
    for number in range(120):
        hub.push("org/facts", {"a.txt": b"%d" % number}, title=f"Commit {number}")
    titles = [commit.title for commit in hub_api.list_repo_commits("org/facts")]
    assert titles == [*(f"Commit {number}" for number in reversed(range(120))), "initial commit"]
    assert hub.traffic.count("GET", "*/commits/*") == 3


def test_a_branch_is_squashed(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts", {"a.txt": b"a"})
    before = hub.files("org/facts")
    hub_api.super_squash_history("org/facts", commit_message="All of it")
    (only,) = hub_api.list_repo_commits("org/facts")
    assert only.title == "All of it"
    assert hub.files("org/facts") == before
