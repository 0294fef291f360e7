"""transformers loads a model from the Hub, in a process that knows of the Hub by its environment only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.hub.fixtures import ADA, EVE
from tests.hub.server import Hub
from tests.models import tiny_model, tiny_tokenizer

_SCRIPT = """
import json, sys
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from transformers import AutoModelForCausalLM, AutoTokenizer

found = {}
for repo_id in sys.argv[1:]:
    try:
        tokenizer = AutoTokenizer.from_pretrained(repo_id)
        model = AutoModelForCausalLM.from_pretrained(repo_id)
        with torch.no_grad():
            found[repo_id] = model(**tokenizer("Paris", return_tensors="pt")).logits.double().sum().item()
    except OSError as error:
        found[repo_id] = type(error.__cause__).__name__
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def expected(folder: Path) -> float:
    import torch

    model, tokenizer = tiny_model("llama"), tiny_tokenizer()
    with torch.no_grad():
        return float(model.eval()(**tokenizer("Paris", return_tensors="pt")).logits.double().sum())


def load(hub: Hub, home: Path, token: str | None, xet: bool, *repo_ids: str) -> dict[str, float | str]:
    """Repository → sum of the logits after loading it there, or the name of the error that lay behind the failure."""
    environment = os.environ | hub.environment(home, token, xet=xet) | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *repo_ids], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("xet", [False, True], ids=["lfs", "xet"])
def test_models_load(
    hub: Hub, folder: Path, expected: float, request: pytest.FixtureRequest, tmp_path: Path, xet: bool
) -> None:
    """A public one that the client uploaded, a private and a gated one of the user's."""
    api: HfApi = request.getfixturevalue("xet_api" if xet else "hub_api")
    for repo_id in ("org/tiny", "org/private", "org/gated"):
        api.create_repo(repo_id, private=repo_id == "org/private")
        api.upload_folder(repo_id=repo_id, folder_path=folder)
    hub.state.repositories["org/gated"].gated = True
    hub.traffic.clear()
    found = load(hub, tmp_path / "home", ADA, xet, "org/tiny", "org/private", "org/gated")
    assert found == pytest.approx({"org/tiny": expected, "org/private": expected, "org/gated": expected})
    assert (hub.traffic.kinds()["reconstruction"] > 0) is xet
    assert hub.traffic.downloaded().count("org/tiny:model.safetensors") == 1


@pytest.mark.parametrize("token", [None, EVE], ids=["anonymous", "eve"])
def test_what_one_may_not_see_does_not_load(
    hub: Hub, folder: Path, expected: float, tmp_path: Path, token: str | None
) -> None:
    hub.add_repo("org/tiny", folder)
    hub.add_repo("org/private", folder, private=True)
    hub.add_repo("org/gated", folder, gated=True)
    found = load(hub, tmp_path / "home", token, False, "org/tiny", "org/private", "org/gated", "org/missing")
    assert found == {
        "org/tiny": pytest.approx(expected),
        "org/private": "RepositoryNotFoundError",
        "org/gated": "GatedRepoError",
        "org/missing": "RepositoryNotFoundError",
    }
