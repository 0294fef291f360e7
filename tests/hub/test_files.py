"""The real client reads: listings, downloads, the cache by ETag, snapshots at a revision."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub import HfApi, RepoFile, RepoFolder
from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

from tests.hub.server import Hub

WEIGHTS = os.urandom(4000)


@pytest.fixture(autouse=True)
def repository(hub: Hub) -> None:
    hub.add_repo("org/facts", {"wisedb.json": b"{}\n", "objects/ab/cd.safetensors": WEIGHTS, "objects/ab/e.txt": b"e"})


def test_a_tree_is_listed_in_pages(hub: Hub, hub_api: HfApi) -> None:
    hub.limits.page = 2
    entries = list(hub_api.list_repo_tree("org/facts", recursive=True))
    assert hub.traffic.count("GET", "*/tree/*") == 3
    assert [entry.path for entry in entries if isinstance(entry, RepoFolder)] == ["objects", "objects/ab"]
    (large,) = (entry for entry in entries if isinstance(entry, RepoFile) and entry.lfs)
    assert large.path == "objects/ab/cd.safetensors"
    assert large.lfs is not None and large.lfs.size == large.size == len(WEIGHTS)
    top = [entry.path for entry in hub_api.list_repo_tree("org/facts")]
    assert top == [".gitattributes", "objects", "wisedb.json"]
    below = list(hub_api.list_repo_tree("org/facts", "objects/ab", expand=True))
    assert [entry.path for entry in below] == ["objects/ab/cd.safetensors", "objects/ab/e.txt"]
    with pytest.raises(EntryNotFoundError):
        list(hub_api.list_repo_tree("org/facts", "nowhere"))


def test_paths_are_looked_up(hub_api: HfApi) -> None:
    found = hub_api.get_paths_info("org/facts", ["wisedb.json", "objects", "missing"])
    assert sorted((type(entry), entry.path) for entry in found if isinstance(entry, RepoFile)) == [
        (RepoFile, "wisedb.json")
    ]
    assert [entry.path for entry in found if isinstance(entry, RepoFolder)] == ["objects"]
    assert hub_api.file_exists("org/facts", "wisedb.json")
    assert not hub_api.file_exists("org/facts", "missing")
    assert hub_api.list_repo_files("org/facts") == [
        ".gitattributes",
        "objects/ab/cd.safetensors",
        "objects/ab/e.txt",
        "wisedb.json",
    ]


def test_ids_are_those_of_git(hub_api: HfApi) -> None:
    """``printf '{}\\n' | git hash-object --stdin``."""
    (file,) = hub_api.get_paths_info("org/facts", "wisedb.json")
    assert isinstance(file, RepoFile)
    assert file.blob_id == "0967ef424bce6791893e9a57bb952f80fd536e93"


def test_the_second_download_moves_no_body(hub: Hub, hub_api: HfApi, tmp_path: Path) -> None:
    for name, content in (("wisedb.json", b"{}\n"), ("objects/ab/cd.safetensors", WEIGHTS)):
        hub.traffic.clear()
        path = hub_api.hf_hub_download("org/facts", name, cache_dir=tmp_path)
        assert Path(path).read_bytes() == content
        assert hub.traffic.downloaded() == [f"org/facts:{name}"]
        assert hub.traffic.sent("download") == len(content)
        hub.traffic.clear()
        assert hub_api.hf_hub_download("org/facts", name, cache_dir=tmp_path) == path
        assert hub.traffic.downloaded() == []
        assert hub.traffic.sent() == 0


def test_a_new_commit_brings_only_what_changed(hub: Hub, hub_api: HfApi, tmp_path: Path) -> None:
    first = hub.refs("org/facts")["refs/heads/main"]
    hub_api.snapshot_download("org/facts", cache_dir=tmp_path)
    hub.push("org/facts", {"wisedb.json": b"{ }\n"})
    hub.traffic.clear()
    new = Path(hub_api.snapshot_download("org/facts", cache_dir=tmp_path))
    assert hub.traffic.downloaded() == ["org/facts:wisedb.json"]
    assert (new / "wisedb.json").read_bytes() == b"{ }\n"
    assert (new / "objects/ab/cd.safetensors").read_bytes() == WEIGHTS
    old = Path(hub_api.snapshot_download("org/facts", cache_dir=tmp_path, revision=first))
    assert (old / "wisedb.json").read_bytes() == b"{}\n"


def test_snapshots_of_branches_tags_and_commits(hub: Hub, hub_api: HfApi, tmp_path: Path) -> None:
    commit = hub.refs("org/facts")["refs/heads/main"]
    hub_api.create_tag("org/facts", tag="v1")
    hub_api.create_branch("org/facts", branch="feature/one")
    hub.push("org/facts", {"wisedb.json": b"1\n"}, branch="feature/one")
    wanted = {"v1": b"{}\n", "feature/one": b"1\n", commit: b"{}\n", "main": b"{}\n"}
    for revision, content in wanted.items():
        folder = hub_api.snapshot_download("org/facts", cache_dir=tmp_path, revision=revision, allow_patterns="*.json")
        assert (Path(folder) / "wisedb.json").read_bytes() == content
    with pytest.raises(RevisionNotFoundError):
        hub_api.snapshot_download("org/facts", cache_dir=tmp_path, revision="nowhere")


def test_a_missing_file_is_remembered_as_missing(hub: Hub, hub_api: HfApi, tmp_path: Path) -> None:
    with pytest.raises(EntryNotFoundError):
        hub_api.hf_hub_download("org/facts", "missing.json", cache_dir=tmp_path)
    commit = hub.refs("org/facts")["refs/heads/main"]
    assert (tmp_path / "models--org--facts/.no_exist" / commit / "missing.json").is_file()
    with pytest.raises(RevisionNotFoundError):
        hub_api.hf_hub_download("org/facts", "wisedb.json", revision="nowhere", cache_dir=tmp_path)


def test_the_storage_wants_its_signature_and_no_token(hub: Hub, hub_api: HfApi) -> None:
    from huggingface_hub import get_hf_file_metadata, get_session

    url = f"{hub.url}/org/facts/resolve/main/objects/ab/cd.safetensors"
    location = get_hf_file_metadata(url, token=str(hub_api.token)).location
    assert not location.startswith(hub.url)
    session = get_session()
    assert session.get(location).content == WEIGHTS
    assert session.get(location, headers={"Range": "bytes=10-19"}).content == WEIGHTS[10:20]
    assert session.get(location, headers={"Range": "bytes=-5"}).content == WEIGHTS[-5:]
    assert session.get(location, headers={"Range": f"bytes={len(WEIGHTS)}-"}).status_code == 416
    assert session.get(location.partition("?")[0]).status_code == 403
    assert session.get(location, headers={"Authorization": "Bearer x"}).status_code == 400


def test_information_with_and_without_sizes(hub: Hub, hub_api: HfApi) -> None:
    info = hub_api.model_info("org/facts", files_metadata=True)
    assert info.sha == hub.refs("org/facts")["refs/heads/main"]
    sizes = {sibling.rfilename: sibling.size for sibling in info.siblings or ()}
    assert sizes["objects/ab/cd.safetensors"] == len(WEIGHTS)
    assert hub_api.model_info("org/facts", expand=["sha"]).siblings is None
