"""Adapters of the tests' store, and models to put them on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, PreTrainedModel

from wisedb.repository import Repository


@pytest.fixture(scope="session")
def adapter(history: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three edits in two memories; not to be changed."""
    return history.export("HEAD", tmp_path_factory.mktemp("export") / "peft", "peft").path


@pytest.fixture(scope="session")
def earlier(history: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter of the commit before: one edit."""
    return history.export("HEAD~1", tmp_path_factory.mktemp("export") / "earlier", "peft").path


@pytest.fixture
def base(model_folder: Path) -> Callable[[], PreTrainedModel]:
    """Makes base models."""
    return lambda: AutoModelForCausalLM.from_pretrained(model_folder)
