"""What a plain checkpoint costs is measured before it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.stores import AUSTRALIA, SETTINGS
from wisedb.errors import UsageError
from wisedb.export.cost import asked_at, continuations, measure_cost
from wisedb.model.base import load_base
from wisedb.model.locate import locate, weight_of
from wisedb.repository import Repository
from wisedb.serving.memory_codec import read_memories


def test_only_a_checkpoint_is_forced(history: Repository, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        history.export("HEAD", tmp_path / "out", "adapter", force=True)
    assert history.export("HEAD", tmp_path / "out", "adapter").cost is None


def test_the_base_model_agrees_with_itself_and_another_does_not(history: Repository) -> None:
    commit_id, commit = history.store.head_commit()
    base = load_base(str(history.base.path))
    asked = asked_at(history.store, base, commit_id, commit, read_memories(history.store.objects, commit.memories))
    pool = history.store.objects.meta(str(history.store.config.editor.pool))[1]
    assert 0 < len(asked.unrelated) <= 50 and not {*asked.unrelated} & {*pool["prompts"], AUSTRALIA.prompt}
    assert [edit.id for edit in asked.edits] == [edit.id for edit in history.facts()]
    before = continuations(base, asked.unrelated)
    same = measure_cost(base, asked, before)
    assert same.agreement == 1 and same.reliability is not None and same.reliability < 1
    with torch.no_grad():
        weight_of(locate(base.model)).zero_()
    changed = measure_cost(base, asked, before)
    assert changed.agreement is not None and changed.agreement < 0.5 and changed.prompts == len(asked.unrelated)


def test_where_the_store_keeps_few_prompts_the_model_writes_more(model_folder: Path, tmp_path: Path) -> None:
    own = [f"The number after {number} is" for number in range(10)]
    made = Repository.init(tmp_path / "store", str(model_folder), settings=SETTINGS, pool=own)
    commit_id, commit = made.store.head_commit()
    asked = asked_at(made.store, made.base, commit_id, commit, ())
    # A fifth of one's own prompts measures, the others are trained with.
    assert asked.unrelated[:2] == own[-2:] and len(asked.unrelated) == 50 and not {*asked.unrelated} & {*own[:-2]}
