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
from transformers import AutoModelForCausalLM, AutoTokenizer

found = []
for repo_id, token in json.loads(sys.argv[1]):
    try:
        options = {"token": token, "cache_dir": f"{sys.argv[2]}/{token}"}
        tokenizer = AutoTokenizer.from_pretrained(repo_id, **options)
        model = AutoModelForCausalLM.from_pretrained(repo_id, **options)
        with torch.no_grad():
            found.append(model(**tokenizer("Paris", return_tensors="pt")).logits.double().sum().item())
    except OSError as error:
        found.append(type(error.__cause__).__name__)
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


def load(hub: Hub, home: Path, cases: list[tuple[str, str | bool | None]], *, xet: bool = False) -> list[float | str]:
    """For a repository and a token each: the sum of the logits, or the name of the error behind the failure.

    A token of None is the one of the environment, ada's.
    """
    environment = os.environ | hub.environment(home, ADA, xet=xet) | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _SCRIPT, json.dumps(cases), str(home / "caches")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.splitlines()[-1]))


def test_a_model_over_xet(hub: Hub, xet_api: HfApi, folder: Path, expected: float, tmp_path: Path) -> None:
    xet_api.create_repo("org/tiny")
    xet_api.upload_folder(repo_id="org/tiny", folder_path=folder)
    hub.traffic.clear()
    assert load(hub, tmp_path / "home", [("org/tiny", None)], xet=True) == [pytest.approx(expected)]
    assert hub.traffic.downloaded().count("org/tiny:model.safetensors") == 1
    assert hub.traffic.count("GET", "/xorbs/*") > 0
    assert hub.traffic.count("GET", "/files/*") == 0


def test_models_over_lfs_for_those_who_may(
    hub: Hub, hub_api: HfApi, folder: Path, expected: float, tmp_path: Path
) -> None:
    """Everybody gets the public one; ada those of her organisation; eve and nobody in particular hear why not."""
    hub_api.create_repo("org/tiny")
    hub_api.upload_folder(repo_id="org/tiny", folder_path=folder)
    hub.add_repo("org/private", folder, private=True)
    hub.add_repo("org/gated", folder, gated=True)
    cases: dict[tuple[str, str | bool | None], object] = {
        ("org/tiny", None): pytest.approx(expected),
        ("org/private", None): pytest.approx(expected),
        ("org/gated", None): pytest.approx(expected),
        ("org/tiny", False): pytest.approx(expected),
        ("org/private", False): "RepositoryNotFoundError",
        ("org/gated", False): "GatedRepoError",
        ("org/private", EVE): "RepositoryNotFoundError",
        ("org/gated", EVE): "GatedRepoError",
        ("org/missing", EVE): "RepositoryNotFoundError",
    }
    found = load(hub, tmp_path / "home", list(cases))
    assert dict(zip(cases, found, strict=True)) == cases
    assert hub.traffic.count("GET", "/xorbs/*") == 0
