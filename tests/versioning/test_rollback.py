"""An earlier state again: the same answers to the bit, and what goes on from there."""

from __future__ import annotations

import pytest
import torch

from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.errors import (
    NothingToCommit,
    UnknownRevision,
)
from wisedb.repository import Repository


def _logits(repository: Repository, rev: str, mode: str = "retrieve") -> torch.Tensor:
    model, tokenizer = repository.load(rev, mode)
    ids = tokenizer([AUSTRALIA.prompt, HAMLET.prompt, "Something else"], return_tensors="pt", padding=True)
    with torch.no_grad():
        logits: torch.Tensor = model(**ids).logits
    return logits


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
