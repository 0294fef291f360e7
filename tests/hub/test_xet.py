"""The real client with hf-xet: up in chunks, down from xorbs, and what happens where Xet isn't offered."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, RepoFile, constants, get_session
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from tests.hub.faults import Answer, CutBody
from tests.hub.fixtures import ADA, EVE
from tests.hub.server import Hub


def floats(count: int, seed: int = 0) -> bytes:
    """Bytes as weights have them: hf-xet packs them by their place in four."""
    return np.random.default_rng(seed).standard_normal(count).astype("<f4").tobytes()


def push(api: HfApi, files: dict[str, bytes | Path], create_pr: bool = False) -> None:
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit("org/facts", operations, commit_message="Push", create_pr=create_pr)


def test_files_go_up_in_chunks_and_come_back(hub: Hub, xet_api: HfApi, tmp_path: Path) -> None:
    """Noise is stored as it is, text is packed, floats are packed in groups: all three are put together again."""
    noise, text = os.urandom(300_000), b"The Loire flows into the Atlantic. " * 20_000
    weights = floats(100_000)
    (tmp_path / "text").write_bytes(text)
    hub.add_repo("org/facts")
    push(xet_api, {"noise.bin": noise, "text.bin": tmp_path / "text", "w.safetensors": weights, "a.txt": b"a"})
    assert hub.traffic.count("PUT") == 0, "nothing went over LFS"
    assert hub.traffic.received("upload") < len(noise) + len(weights) + 50_000
    found = hub.files("org/facts")
    assert (found["noise.bin"], found["text.bin"], found["w.safetensors"]) == (noise, text, weights)
    hub.traffic.clear()
    folder = Path(xet_api.snapshot_download("org/facts", cache_dir=tmp_path / "cache"))
    for path, content in found.items():
        assert (folder / path).read_bytes() == content
    assert sorted(hub.traffic.downloaded()) == sorted(f"org/facts:{path}" for path in found)
    assert hub.traffic.count("GET", "/files/*") == 0, "nothing came over LFS"


def test_what_came_over_xet_is_read_over_lfs(
    hub: Hub, xet_api: HfApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weights = floats(30_000)
    hub.add_repo("org/facts")
    push(xet_api, {"w.safetensors": weights})
    (entry,) = xet_api.get_paths_info("org/facts", "w.safetensors")
    assert isinstance(entry, RepoFile) and entry.xet_hash is not None
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    path = xet_api.hf_hub_download("org/facts", "w.safetensors", cache_dir=tmp_path)
    assert Path(path).read_bytes() == weights
    assert hub.traffic.count("GET", "/files/org/facts/*/w.safetensors") == 1


def test_what_came_over_lfs_is_read_with_xet_on(hub: Hub, xet_api: HfApi, tmp_path: Path) -> None:
    weights = floats(1000)
    hub.add_repo("org/facts", {"w.safetensors": weights})
    path = xet_api.hf_hub_download("org/facts", "w.safetensors", cache_dir=tmp_path)
    assert Path(path).read_bytes() == weights


def test_a_chunk_goes_up_once(hub: Hub, xet_api: HfApi) -> None:
    """A file with a little in the middle changed shares its other chunks with the one before."""
    before = random.Random(0).randbytes(2_000_000)
    after = before[:1_000_000] + b"changed" + before[1_000_000:]
    hub.add_repo("org/facts")
    push(xet_api, {"w.safetensors": before})
    hub.traffic.clear()
    push(xet_api, {"w.safetensors": after})
    assert hub.traffic.received("upload") < 500_000
    assert hub.files("org/facts")["w.safetensors"] == after


def test_where_xet_is_not_offered_the_upload_fails(hub: Hub, xet_api: HfApi) -> None:
    """Version 2 of the client doesn't fall back on LFS by itself."""
    hub.state.xet = False
    hub.add_repo("org/facts")
    before = hub.refs("org/facts")
    with pytest.raises((OSError, RuntimeError)):
        push(xet_api, {"w.safetensors": floats(1000)})
    assert hub.refs("org/facts") == before


def test_tokens_of_the_store_are_for_those_who_may(hub: Hub, xet_api: HfApi, tmp_path: Path) -> None:
    weights = floats(1000)
    repository = hub.add_repo("org/facts")
    push(xet_api, {"w.safetensors": weights})
    repository.gated = True
    eve = HfApi(endpoint=hub.url, token=EVE)
    with pytest.raises(GatedRepoError):
        eve.hf_hub_download("org/facts", "w.safetensors", cache_dir=tmp_path)
    repository.gated = False
    with pytest.raises(HfHubHTTPError):
        push(eve, {"w.safetensors": floats(1000, seed=1)})
    push(eve, {"v.safetensors": floats(1000, seed=2)}, create_pr=True)
    assert hub.files("org/facts", "refs/pr/1")["v.safetensors"] == floats(1000, seed=2)
    path = eve.hf_hub_download("org/facts", "w.safetensors", cache_dir=tmp_path)
    assert Path(path).read_bytes() == weights


def test_the_store_checks_tokens_and_signatures(hub: Hub, xet_api: HfApi) -> None:
    hub.add_repo("org/facts")
    push(xet_api, {"w.safetensors": floats(1000)})
    session = get_session()
    store = hub.state.cas_url
    (file,) = hub.state.cas.files
    (xorb,) = hub.state.cas.xorbs
    assert session.get(f"{store}/v1/reconstructions/{file}").status_code == 401
    assert session.get(f"{hub.state.store_url}/xorbs/{xorb}").status_code == 403
    url = f"{hub.url}/api/models/org/facts/xet-read-token/main"
    token = session.get(url, headers={"Authorization": f"Bearer {ADA}"}).json()["accessToken"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = session.get(f"{store}/v1/reconstructions/{file}", headers=headers | {"Range": "bytes=100-200"}).json()
    assert answer["offset_into_first_range"] == 100
    assert session.get(f"{store}/v1/reconstructions/{'0' * 64}", headers=headers).status_code == 404
    beyond = session.get(f"{store}/v1/reconstructions/{file}", headers=headers | {"Range": "bytes=9999-10000"})
    assert beyond.status_code == 416
    assert session.post(f"{store}/v1/shards", headers=headers, content=b"").status_code == 403


def test_a_shard_that_lies_is_refused(hub: Hub, xet_api: HfApi) -> None:
    hub.add_repo("org/facts")
    addition = CommitOperationAdd("w.safetensors", floats(1000))
    addition.upload_info.sha256 = bytes(32)
    with pytest.raises(ConnectionError, match="400"):
        xet_api.create_commit("org/facts", [addition], commit_message="A lie")
    assert hub.state.cas.files == {}


def test_a_store_that_fails_once_is_asked_again(hub: Hub, xet_api: HfApi, tmp_path: Path) -> None:
    weights = os.urandom(200_000)
    hub.add_repo("org/facts")
    up = hub.faults.on("POST", "*/v1/xorbs/*", Answer(503))
    push(xet_api, {"w.safetensors": weights})
    assert up.struck == 1
    down = hub.faults.on("GET", "/xorbs/*", CutBody(50_000))
    path = xet_api.hf_hub_download("org/facts", "w.safetensors", cache_dir=tmp_path)
    assert Path(path).read_bytes() == weights
    assert down.struck == 1
