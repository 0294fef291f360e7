"""HEAD, branches and tags: where they point, how they move, and what that brings in and takes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stores import HAMLET, SUM, copy_of
from wisedb.errors import (
    RefExists,
    UnknownRevision,
)
from wisedb.repository import Repository


def test_branches_tags_and_moves(history: Repository, tmp_path: Path) -> None:
    repository = copy_of(history, tmp_path / "copy")
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
