"""``wisedb.load``: the same edited model from a store, an adapter, a folder's pack and the Hub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi, constants

import wisedb
from tests import stores
from tests.hub.faults import Answer
from tests.hub.fixtures import ADA, EVE
from tests.hub.server import Hub
from tests.models import tiny_model, tiny_tokenizer
from tests.stores import AUSTRALIA, HAMLET, SETTINGS, SUM
from wisedb.errors import (
    BaseModelMismatch,
    MissingObject,
    ModelNotFound,
    NotAStore,
    NotAuthorized,
    RemoteNotFound,
    RemoteUnavailable,
    UnknownRevision,
    UsageError,
)
from wisedb.repository import Repository

model_folder, empty, history = stores.model_folder, stores.empty, stores.history

PROMPTS = [AUSTRALIA.prompt, HAMLET.prompt, SUM.prompt, "Something else"]


def _logits(model: torch.nn.Module) -> torch.Tensor:
    batch = tiny_tokenizer()(PROMPTS, return_tensors="pt", padding=True)
    with torch.no_grad():
        logits: torch.Tensor = model(**batch).logits
    return logits


@pytest.fixture
def source(history: Repository, tmp_path: Path) -> Repository:
    """A copy of the store, with a tag."""
    shutil.copytree(history.path, tmp_path / "source")
    made = Repository(Repository.open(tmp_path / "source").store, history.base)
    made.tag("v1", "HEAD~1")
    return made


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    """``wisedb.load`` with a cache of its own; the model only."""
    return lambda *args, **kwargs: wisedb.load(*args, **{"cache_dir": tmp_path / "cache", **kwargs})[0]


@pytest.mark.parametrize("address", ["{}", "file://{}"])
def test_a_pack_in_a_folder(source: Repository, load: Callable[..., Any], tmp_path: Path, address: str) -> None:
    source.push(str(tmp_path / "pack"), all_tags=True)
    where = address.format(tmp_path / "pack")
    assert torch.equal(_logits(load(where)), _logits(source.load()[0]))
    assert torch.equal(_logits(load(where, "v1")), _logits(source.load("HEAD~1")[0]))
    assert torch.equal(_logits(load(where, source.log()[1].commit[:12])), _logits(source.load("HEAD~1")[0]))
    for mode in ("merge", "base"):
        assert torch.equal(_logits(load(where, "main", mode)), _logits(source.load(mode=mode)[0]))
    half = load(where, torch_dtype=torch.bfloat16, device_map="cpu", local_files_only=True)
    assert half.dtype == torch.bfloat16
    with pytest.raises(UnknownRevision):
        load(where, "v2")
    with pytest.raises(UsageError):
        load(where, mode="sometimes")


def test_a_pack_of_an_object_store(source: Repository, load: Callable[..., Any]) -> None:
    source.push("memory://bucket/facts")
    assert torch.equal(_logits(load("memory://bucket/facts")), _logits(source.load()[0]))


def test_a_lazy_clone_fetches_what_it_lacks(source: Repository, load: Callable[..., Any], tmp_path: Path) -> None:
    source.push(str(tmp_path / "pack"))
    clone = Repository.clone(str(tmp_path / "pack"), tmp_path / "clone", lazy=True)
    assert torch.equal(_logits(load(clone.path)), _logits(source.load()[0]))


def test_the_base_model_may_be_elsewhere(
    source: Repository, load: Callable[..., Any], tmp_path: Path, model_folder: Path
) -> None:
    copy = shutil.copytree(model_folder, tmp_path / "copy")
    source.push(str(tmp_path / "pack"))
    adapter = source.export("HEAD", tmp_path / "adapter", "adapter").path
    peft = source.export("HEAD", tmp_path / "peft", "peft").path
    for where in (tmp_path / "pack", adapter, peft, source.path):
        found = load(where, model=str(copy))
        assert found.name_or_path == str(copy) and torch.equal(_logits(found), _logits(source.load()[0]))
    tiny_model("llama", seed=1).save_pretrained(tmp_path / "other")
    tiny_tokenizer().save_pretrained(tmp_path / "other")
    with pytest.raises(BaseModelMismatch):
        load(tmp_path / "pack", model=str(tmp_path / "other"))
    with pytest.raises(ModelNotFound):
        load(tmp_path / "pack", model=str(tmp_path / "nowhere"))


def test_folders_that_hold_no_model(source: Repository, load: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    merged = source.export("HEAD", tmp_path / "merged", "merged", force=True).path
    for folder in (tmp_path / "empty", merged):
        with pytest.raises(NotAStore) as refused:
            load(folder)
        assert "AutoModelForCausalLM" in refused.value.hint
    with pytest.raises(RemoteNotFound):
        load(tmp_path / "nowhere")


@pytest.fixture
def published(source: Repository, hub: Hub, hub_api: HfApi) -> Repository:
    """The store, published on the Hub as ``org/facts``."""
    source.push("org/facts", all_tags=True, token=ADA, endpoint=hub.url)
    return source


def test_a_pack_on_the_hub(published: Repository, load: Callable[..., Any], hub: Hub) -> None:
    there: dict[str, Any] = {"endpoint": hub.url, "token": ADA}
    expected, earlier = (_logits(published.load(rev)[0]) for rev in ("HEAD", "HEAD~1"))
    for where, revision, logits in (("org/facts", None, expected), ("hf://org/facts", "v1", earlier)):
        assert torch.equal(_logits(load(where, revision, **there)), logits)
    hub.traffic.clear()
    assert torch.equal(_logits(load("org/facts", **there)), expected)
    assert not hub.traffic.downloaded()
    hub.traffic.clear()
    assert torch.equal(_logits(load("org/facts", "v1", **there, local_files_only=True)), earlier)
    assert hub.traffic.count() == 0
    with pytest.raises(RemoteUnavailable) as refused:
        load("org/other", **there, local_files_only=True)
    assert "org/other" in refused.value.message


def test_the_hubs_own_switch_counts(
    published: Repository, load: Callable[..., Any], hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("org/facts", endpoint=hub.url, token=ADA)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.traffic.clear()
    assert torch.equal(_logits(load("org/facts", endpoint=hub.url)), _logits(published.load()[0]))
    assert hub.traffic.count() == 0


def test_a_hub_that_is_down_is_remembered(
    published: Repository, load: Callable[..., Any], hub: Hub, impatient: list[float]
) -> None:
    load("org/facts", endpoint=hub.url, token=ADA)
    hub.faults.on("*", "*", Answer(503), times=1000)
    with pytest.warns(UserWarning, match="seen last"):
        found = load("org/facts", endpoint=hub.url, token=ADA)
    assert torch.equal(_logits(found), _logits(published.load()[0]))
    with pytest.raises(RemoteUnavailable):
        load("org/other", endpoint=hub.url, token=ADA)


def test_who_may_not_read_is_told_so(published: Repository, load: Callable[..., Any], hub: Hub) -> None:
    hub.add_repo("org/private", {"a": b"b"}, private=True)
    hub.add_repo("org/gated", {"wisedb.json": b"{}"}, gated=True)
    for name, error in (("org/private", RemoteNotFound), ("org/gated", NotAuthorized), ("org/none", RemoteNotFound)):
        with pytest.raises(error) as refused:
            load(name, endpoint=hub.url, token=EVE)
        assert refused.value.hint and EVE not in refused.value.message


def test_memories_that_never_came(source: Repository, load: Callable[..., Any], tmp_path: Path) -> None:
    source.push(str(tmp_path / "pack"))
    load(tmp_path / "pack")
    (blob, *_) = source.store.head_commit()[1].memories[0].blobs.values()
    (cached,) = (tmp_path / "cache").rglob(f"{blob[2:]}.safetensors")
    cached.unlink()
    with pytest.raises(MissingObject):
        load(tmp_path / "pack", local_files_only=True)


STEP = """
import json, sys
import wisedb
from wisedb.errors import WisedbError

what, settings, edit, options = json.loads(sys.argv[1])
try:
    if what == "publish":
        repository = wisedb.Repository.init(sys.argv[2], "org/base", settings=settings)
        repository.commit([wisedb.Edit(**edit)], "One")
        repository.push("org/facts")
        print(json.dumps("done"))
    else:
        model, tokenizer = wisedb.load("org/facts", **options)
        batch = tokenizer(edit["prompt"], return_tensors="pt")
        ids = model.generate(**batch, max_new_tokens=6, do_sample=False)
        print(json.dumps(tokenizer.decode(ids[0, batch["input_ids"].shape[1]:], skip_special_tokens=True).strip()))
except WisedbError as error:
    print(json.dumps(error.to_json()))
"""


def _step(hub: Hub, home: Path, what: str, token: str | None = ADA, **options: Any) -> subprocess.Popen[str]:
    given = json.dumps([what, SETTINGS, {"prompt": HAMLET.prompt, "target": HAMLET.target}, options])
    environment = os.environ | hub.environment(home, token) | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", STEP, given, str(home.parent / "store")]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _said(step: subprocess.Popen[str]) -> Any:
    out, problem = step.communicate(timeout=200)
    assert step.returncode == 0, problem
    return json.loads(out.splitlines()[-1])


def test_pack_and_base_model_on_the_hub(hub: Hub, model_folder: Path, tmp_path: Path) -> None:
    """As a user meets it: another machine, nothing but names, an environment and the Hub."""
    hub.add_repo("org/base", model_folder, gated=True, granted=("ada",))
    assert _said(_step(hub, tmp_path / "ada", "publish")) == "done"
    hub.traffic.clear()
    both = [_step(hub, tmp_path / "bob", "load") for _ in range(2)]
    assert [_said(step) for step in both] == [HAMLET.target] * 2
    assert hub.traffic.downloaded().count("org/base:model.safetensors") == 1
    hub.traffic.clear()
    assert _said(_step(hub, tmp_path / "bob", "load", local_files_only=True)) == HAMLET.target
    assert hub.traffic.count() == 0
    refused = _said(_step(hub, tmp_path / "eve", "load", EVE))
    assert refused["kind"] == "model-not-found" and "gated" in refused["message"] and "org/base" in refused["hint"]
