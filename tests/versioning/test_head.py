"""HEAD off all branches."""

from __future__ import annotations

from pathlib import Path

from tests.stores import SUM, copy_of
from wisedb.repository import Repository


def test_a_commit_off_all_branches_moves_head_alone(history: Repository, tmp_path: Path) -> None:
    repository = copy_of(history, tmp_path / "copy")
    repository.checkout(repository.store.resolve("HEAD~1"))
    made = repository.commit([SUM], "off")
    assert made.branch is None and repository.store.refs.head().commit == made.commit
    assert repository.store.refs.branches()["main"] == history.store.resolve("HEAD")
