"""HEAD, branches and tags: where they point, how they move, and what that brings in and takes out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.errors import (
    NothingToCommit,
    RefExists,
    UnknownRevision,
)
from wisedb.repository import Repository


def _logits(repository: Repository, rev: str, mode: str = "retrieve") -> torch.Tensor:
    model, tokenizer = repository.load(rev, mode)
    ids = tokenizer([AUSTRALIA.prompt, HAMLET.prompt, "Something else"], return_tensors="pt", padding=True)
    with torch.no_grad():
        logits: torch.Tensor = model(**ids).logits
    return logits


def _copy(source: Repository, folder: Path) -> Repository:
    shutil.copytree(source.path, folder)
    return Repository(Repository.open(folder).store, source.base)


def test_branches_tags_and_moves(history: Repository, tmp_path: Path) -> None:
    repository = _copy(history, tmp_path / "copy")
    head, first = (entry.commit for entry in repository.log(n=2))
    assert [ref.to_json() for ref in repository.branch("topic", "HEAD~1")] == [
        {"name": "main", "commit": head},
        {"name": "topic", "commit": first},
    ]
    assert [ref.to_json() for ref in repository.tag("v1")] == [{"name": "v1", "commit": head}]
    with pytest.raises(RefExists):
        repository.branch("topic")
    moved = repository.switch("topic")
    assert (moved.head, moved.branch, moved.before) == (first, "topic", head)
    assert set(moved.reverted) == {HAMLET.id, SUM.id}
    assert repository.checkout("v1").to_json() == {
        "head": head,
        "commit": head,
        "branch": None,
        "from": first,
        "edits_added": 2,
        "edits_reverted": 0,
    }
    assert repository.checkout("topic").branch == "topic"
    assert repository.reset("v1").head == head
    assert [ref.commit for ref in repository.branches()] == [head, head]
    move = repository.reflog("topic")[0].to_json()
    assert (move["ref"], move["from"], move["to"]) == ("refs/heads/topic", first, head)
    assert repository.reflog()[0].to == head
    repository.switch("main")
    assert [ref.name for ref in repository.branch("topic", delete=True)] == ["main"]
    assert repository.tag("v1", delete=True) == []
    with pytest.raises(UnknownRevision):
        repository.checkout("v1")


def test_a_commit_off_all_branches_moves_head_alone(history: Repository, tmp_path: Path) -> None:
    repository = _copy(history, tmp_path / "copy")
    repository.checkout(repository.store.resolve("HEAD~1"))
    made = repository.commit([SUM], "off")
    assert made.branch is None and repository.store.refs.head().commit == made.commit
    assert repository.store.refs.branches()["main"] == history.store.resolve("HEAD")


def test_the_old_state_answers_again_to_the_bit(repository: Repository) -> None:
    old = repository.commit([AUSTRALIA, HAMLET], "old").commit
    repository.commit([NEWER, SUM], "new")
    moved = repository.rollback("HEAD~1")
    commit = repository.store.objects.commit(moved.head)
    assert commit.parents == (repository.store.resolve("HEAD~1"),) and moved.branch == "main"
    assert commit.memories == repository.store.objects.commit(old).memories
    assert (set(moved.added), set(moved.reverted)) == ({AUSTRALIA.id}, {NEWER.id, SUM.id})
    for mode in ("retrieve", "merge"):
        assert torch.equal(_logits(repository, "HEAD", mode), _logits(repository, old, mode))
    assert not torch.equal(_logits(repository, "HEAD"), _logits(repository, "HEAD~1"))


def test_back_to_the_beginning_is_the_base_model_to_the_bit(repository: Repository) -> None:
    base = _logits(repository, "HEAD", "base")
    repository.commit([AUSTRALIA], "a")
    assert not torch.equal(_logits(repository, "HEAD"), base)
    repository.rollback("HEAD~1")
    assert torch.equal(_logits(repository, "HEAD"), base)
    assert repository.facts() == []


def test_work_goes_on_after_a_rollback(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "a")
    repository.commit([HAMLET], "b")
    memories = repository.store.head_commit()[1].memories
    repository.rollback("HEAD~1", "Not yet")
    assert repository.log()[0].record.message == "Not yet"
    repository.commit([HAMLET], "now")
    assert repository.store.head_commit()[1].memories == memories


def test_where_nothing_differs_there_is_nothing_to_do(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "a")
    with pytest.raises(NothingToCommit):
        repository.rollback("HEAD")
    with pytest.raises(UnknownRevision):
        repository.rollback("nowhere")


def test_the_records_of_another_branch_come_along(repository: Repository) -> None:
    repository.branch("other")
    repository.switch("other")
    there = repository.commit([AUSTRALIA, HAMLET], "there").commit
    repository.switch("main")
    repository.rollback(there)
    repository.branch("other", delete=True)
    assert {edit.id for edit in repository.facts()} == {AUSTRALIA.id, HAMLET.id}
    edits = repository.store.head_commit()[1].edits
    assert edits is not None and set(repository.store.objects.meta(edits)[1]["edits"]) == {AUSTRALIA.id, HAMLET.id}
