"""Whether the base model is here, by its weights, without loading it."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

from wisedb.doctor.check import OK, WRONG
from wisedb.doctor.model import base_model
from wisedb.repository import Repository


def test_the_model_that_the_store_was_made_for(history: Repository) -> None:
    found = base_model(history.store)
    assert found.state == OK and history.store.config.base.weights[:16] in found.detail


def test_another_model_and_none(history: Repository, model_folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(model_folder, tmp_path / "other")
    assert base_model(history.store, str(other)).state == OK
    tensors = load_file(other / "model.safetensors")
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, other / "model.safetensors", {"format": "pt"})
    changed = base_model(history.store, str(other))
    assert changed.state == WRONG and "other weights" in changed.detail and "base set" in changed.hint
    assert base_model(history.store, str(tmp_path / "nowhere")).state == WRONG
