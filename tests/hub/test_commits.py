"""The real client writes to the Hub: repositories, commits with regular and LFS files, the guard by the parent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.errors import BadRequestError, EntryNotFoundError, HfHubHTTPError, RevisionNotFoundError

from tests.hub.faults import First
from tests.hub.server import Hub


def add(path: str, content: bytes | Path) -> CommitOperationAdd:
    return CommitOperationAdd(path, content)


def test_a_repository_is_created_once_and_deleted(hub: Hub, hub_api: HfApi) -> None:
    assert hub_api.create_repo("org/facts").repo_id == "org/facts"
    with pytest.raises(HfHubHTTPError) as caught:
        hub_api.create_repo("org/facts")
    assert caught.value.response.status_code == 409
    assert hub_api.create_repo("org/facts", exist_ok=True).repo_id == "org/facts"
    assert hub.files("org/facts").keys() == {".gitattributes"}
    hub_api.delete_repo("org/facts")
    assert not hub_api.repo_exists("org/facts")
    hub_api.delete_repo("org/facts", missing_ok=True)


def test_regular_and_large_files_in_one_commit(hub: Hub, hub_api: HfApi, tmp_path: Path) -> None:
    hub_api.create_repo("org/facts")
    weights, small = os.urandom(5000), b'{"format": 1}\n'
    (tmp_path / "w").write_bytes(weights)
    made = hub_api.create_commit(
        "org/facts",
        [add("wisedb.json", small), add("objects/ab/cd.safetensors", tmp_path / "w"), add("empty.safetensors", b"")],
        commit_message="Add facts",
        commit_description="Two of them.",
    )
    assert hub.refs("org/facts") == {"refs/heads/main": made.oid}
    found = hub.files("org/facts")
    assert found["wisedb.json"] == small
    assert found["objects/ab/cd.safetensors"] == weights
    assert found["empty.safetensors"] == b""
    assert hub.traffic.received("upload") == len(weights)
    head, first = hub_api.list_repo_commits("org/facts")
    assert (head.commit_id, head.title, head.message) == (made.oid, "Add facts", "Two of them.")
    assert (first.title, head.authors) == ("initial commit", ["ada"])


def test_what_is_there_already_is_not_sent_again(hub: Hub, hub_api: HfApi) -> None:
    hub_api.create_repo("org/facts")
    weights = os.urandom(3000)
    hub_api.create_commit("org/facts", [add("a.safetensors", weights)], commit_message="One")
    hub.traffic.clear()
    hub_api.create_commit("org/facts", [add("b.safetensors", weights)], commit_message="The same under another name")
    assert hub.traffic.uploaded() == []
    assert hub.files("org/facts")["b.safetensors"] == weights
    same = hub_api.create_commit("org/facts", [add("b.safetensors", weights)], commit_message="Nothing new")
    assert same.oid == hub.refs("org/facts")["refs/heads/main"]
    assert hub.traffic.count("POST", "*/commit/*") == 1


def test_large_objects_go_up_in_parts(hub: Hub, hub_api: HfApi) -> None:
    hub.limits.part = 1000
    hub_api.create_repo("org/facts")
    weights = os.urandom(2500)
    hub_api.create_commit("org/facts", [add("a.safetensors", weights)], commit_message="One")
    assert hub.files("org/facts")["a.safetensors"] == weights
    assert hub.traffic.count("PUT", "/parts/*") == 3


def test_files_and_folders_are_deleted_and_copied(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts", {"a/1.txt": b"1", "a/2.txt": b"2", "b.txt": b"b", "w.safetensors": b"w" * 99})
    operations: list[CommitOperationDelete | CommitOperationCopy] = [
        CommitOperationDelete("a/"),
        CommitOperationDelete("b.txt"),
        CommitOperationCopy("w.safetensors", "v.safetensors"),
    ]
    hub_api.create_commit("org/facts", operations, commit_message="Tidy up")
    assert hub.files("org/facts").keys() == {".gitattributes", "w.safetensors", "v.safetensors"}
    with pytest.raises(EntryNotFoundError, match="doesn't exist"):
        hub_api.create_commit("org/facts", [CommitOperationDelete("b.txt")], commit_message="Again")


def test_a_stale_parent_is_refused(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts", {"a.txt": b"a"})
    lease = hub.refs("org/facts")["refs/heads/main"]
    theirs = hub.push("org/facts", {"theirs.txt": b"t"})
    with pytest.raises(HfHubHTTPError) as caught:
        hub_api.create_commit("org/facts", [add("ours.txt", b"o")], commit_message="Ours", parent_commit=lease)
    assert caught.value.response.status_code == 412
    assert hub.refs("org/facts")["refs/heads/main"] == theirs
    made = hub_api.create_commit("org/facts", [add("ours.txt", b"o")], commit_message="Ours", parent_commit=theirs[:8])
    assert hub.refs("org/facts")["refs/heads/main"] == made.oid


def test_a_race_in_the_middle_of_a_push(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts")
    lease = hub.refs("org/facts")["refs/heads/main"]
    other = HfApi(endpoint=hub.url, token=hub_api.token)
    fault = hub.faults.on(
        "POST",
        "*/commit/*",
        First(lambda: other.create_commit("org/facts", [add("theirs.txt", b"t")], commit_message="Theirs")),
    )
    with pytest.raises(HfHubHTTPError) as caught:
        hub_api.create_commit("org/facts", [add("ours.txt", b"o")], commit_message="Ours", parent_commit=lease)
    assert caught.value.response.status_code == 412
    assert fault.struck == 1
    assert hub.files("org/facts").keys() == {".gitattributes", "theirs.txt"}


def test_a_commit_goes_to_a_branch_that_is_there(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts")
    with pytest.raises(RevisionNotFoundError):
        hub_api.create_commit("org/facts", [add("a.txt", b"a")], commit_message="One", revision="nowhere")
    hub_api.create_branch("org/facts", branch="feature/one")
    hub_api.create_commit("org/facts", [add("a.txt", b"a")], commit_message="One", revision="feature/one")
    assert "a.txt" in hub.files("org/facts", "feature/one")
    assert "a.txt" not in hub.files("org/facts")


def test_a_card_that_is_no_yaml_is_refused_before_anything_is_sent(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts")
    with pytest.raises(ValueError, match="Invalid metadata"):
        hub_api.create_commit("org/facts", [add("README.md", b"---\nlicense: [\n---\n")], commit_message="Card")
    hub_api.create_commit(
        "org/facts", [add("README.md", b"---\nlicense: mit\ntags: [x]\n---\n")], commit_message="Card"
    )
    assert {"license:mit", "x"} <= set(hub_api.model_info("org/facts").tags or ())


def test_a_pointer_to_nothing_is_refused(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts")
    addition = add("a.safetensors", b"weights")
    addition._upload_mode, addition._is_uploaded = "lfs", True
    with pytest.raises(BadRequestError, match="LFS pointer pointed to a file that does not exist"):
        hub_api.create_commit("org/facts", [addition], commit_message="A lie")
