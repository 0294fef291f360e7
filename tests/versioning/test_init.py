"""A new store: a base model, a pool, an editor's settings, and a first commit; or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.models import tiny_chat_tokenizer, tiny_model
from tests.stores import SETTINGS
from wisedb.errors import (
    ModelNotFound,
    StoreExists,
    UnknownSetting,
)
from wisedb.progress import Progress
from wisedb.repository import Repository
from wisedb.versioning import init


def test_a_new_store_is_described(empty: Repository, model_folder: Path) -> None:
    config = empty.store.config
    assert config.base.model == str(model_folder.resolve()) and config.base.target is None
    assert config.editor.settings["target"] == "model.layers.1.mlp.down_proj"
    assert {"learning_rate", "shard_capacity"} <= set(config.editor.settings)
    assert all(config.editor.settings[name] == value for name, value in SETTINGS.items())
    (entry,) = empty.log()
    assert entry.record.parents == () and entry.record.memories == ()
    pool = empty.store.objects.get(config.editor.pool or "")
    assert len(pool.meta["prompts"]) > len(pool.meta["held_out"]) > 0 and len(pool.meta["contexts"]) == 10
    assert empty.status().to_json() == {"branch": "main", "head": entry.commit, "staged": [], "index": "ok"}


def test_the_same_model_and_seed_give_the_same_pool(
    empty: Repository, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        again = Repository.init(tmp_path / "again", str(model_folder), settings=SETTINGS)
    other = Repository.init(tmp_path / "other", str(model_folder), settings=SETTINGS, seed=1)
    assert again.store.config == empty.store.config
    assert other.store.config.editor.pool != empty.store.config.editor.pool


def test_a_pool_is_written_once_for_a_model_and_a_seed(
    empty: Repository, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object, **__: object) -> None:
        raise AssertionError("written again")

    monkeypatch.setattr(init, "make_pool", write)
    again = Repository.init(tmp_path / "again", str(model_folder), settings=SETTINGS)
    assert again.store.config == empty.store.config
    for words in ({"seed": 7}, {"pool": ["One of my own"]}, {"dtype": torch.bfloat16}):
        with pytest.raises(AssertionError, match="written again"):
            Repository.init(tmp_path / "other", str(model_folder), settings=SETTINGS, **words)


def test_own_prompts_take_the_place_of_the_pool(model_folder: Path, tmp_path: Path) -> None:
    prompts = [f"prompt number {number}" for number in range(10)]
    made = Repository.init(tmp_path / "own", str(model_folder), pool=prompts)
    meta = made.store.objects.get(made.store.config.editor.pool or "").meta
    assert (meta["prompts"], meta["held_out"]) == (prompts[:8], prompts[8:])


def test_what_can_not_be_made_leaves_nothing(
    empty: Repository,
    model_folder: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(StoreExists):
        Repository.init(empty.path, str(model_folder))
    with pytest.raises(UnknownSetting):
        Repository.init(tmp_path / "new", str(model_folder), settings={"stepz": 1})
    with pytest.raises(ModelNotFound):
        Repository.init(tmp_path / "new", str(tmp_path / "no" / "model"))
    assert not (tmp_path / "new").exists()


def test_every_step_that_takes_long_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is remembered from another store.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tiny_model("llama").save_pretrained(tmp_path / "model")
    tiny_chat_tokenizer().save_pretrained(tmp_path / "model")
    reports: list[Progress] = []
    Repository.init(tmp_path / "store", str(tmp_path / "model"), settings=SETTINGS, progress=reports.append)
    for phase in ("loading", "writing prompts", "measuring"):
        seen = [report for report in reports if report.phase == phase]
        assert seen[0].done == 0 and seen[-1].done == seen[-1].total
        assert [report.done for report in seen] == sorted(report.done for report in seen)
        assert phase == "loading" or len(seen) > 3
