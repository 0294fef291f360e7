"""Of a repository full of GGUF files one is fetched; what isn't there is said in one line."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from huggingface_hub import HfApi

import wisedb.model.hub as module
from tests.hub.server import Hub
from wisedb.errors import ModelNotFound
from wisedb.model.base import find_model


@pytest.fixture
def cache(hub: Hub, hub_api: HfApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to download to, from the fake Hub."""
    for name in ("hf_hub_download", "snapshot_download"):
        monkeypatch.setattr(module, name, functools.partial(getattr(module, name), endpoint=hub.url))
    hub.add_repo("org/packed", {"Q4/F.gguf": b"GGUF four", "G.gguf": b"GGUF", "config.json": b"{}"})
    return tmp_path / "cache"


@pytest.mark.parametrize("name", ["Q4/F.gguf", "G.gguf"])
def test_one_file_is_fetched_and_found_again_offline(hub: Hub, cache: Path, name: str) -> None:
    folder, model, commit = find_model("org/packed", None, name, cache_dir=cache)
    assert model == "org/packed" and commit == folder.name
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()] == [name]
    hub.traffic.clear()
    again = find_model("org/packed", commit, name, cache_dir=cache, local_files_only=True)
    assert again == (folder, model, commit)
    assert hub.traffic.count() == 0


def test_without_a_name_none_is_fetched(cache: Path) -> None:
    folder = find_model("org/packed", cache_dir=cache)[0]
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["config.json"]


def test_a_file_that_is_not_there(cache: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"org/packed has no file H\.gguf on the Hub"):
        find_model("org/packed", None, "H.gguf", cache_dir=cache)
    with pytest.raises(ModelNotFound, match="no model on the Hub called 'org/nothing'"):
        find_model("org/nothing", None, "H.gguf", cache_dir=cache)
    with pytest.raises(ModelNotFound, match="nor in the local cache"):
        find_model("org/packed", None, "H.gguf", cache_dir=cache, local_files_only=True)
