"""Edits are taken out of a memory without training, and rows are the same to the bit in any order and any history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.editors.contract import fake_editor, store_of
from tests.stores import AUSTRALIA, HAMLET, SPAIN, SUM
from wisedb.editors.recall import editor
from wisedb.editors.recall.row import fit_row
from wisedb.edits import Edit
from wisedb.memory.kinds.low_rank_rows import LowRankRows
from wisedb.repository import Repository
from wisedb.serving.memory_codec import read_memories

__all__ = ["fake_editor", "store_of"]

Make = Callable[..., Repository]


def rows_of(repository: Repository) -> dict[str, tuple[bytes, bytes]]:
    """Edit id → the bytes of its row."""
    store = repository.store
    commit = store.objects.commit(store.resolve("HEAD"))
    found = {}
    for memory in read_memories(store.blob_cache, commit.memories):
        change = memory.change
        assert isinstance(change, LowRankRows)
        for place, edit in enumerate(memory.edits):
            row = change.only([place])
            found[edit] = (row.left.numpy().tobytes(), row.right.numpy().tobytes())
    return found


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prompts of the edits for which a row is fitted."""
    seen: list[str] = []

    def counted(context: Any, settings: Any, seed: int, edit: Edit) -> Any:
        seen.append(edit.prompt)
        return fit_row(context, settings, seed, edit)

    monkeypatch.setattr(editor, "fit_row", counted)
    return seen


def test_a_revert_trains_nothing(store_of: Make, fitted: list[str]) -> None:
    repository = store_of("recall", "store", [AUSTRALIA, HAMLET, SUM])
    before = rows_of(repository)
    fitted.clear()
    repository.revert(AUSTRALIA.id)
    assert fitted == []
    assert rows_of(repository) == {edit.id: before[edit.id] for edit in (HAMLET, SUM)}
    repository.commit([SPAIN], "one more")
    assert fitted == [SPAIN.prompt]


def test_an_edit_that_supersedes_another_is_the_only_one_that_is_fitted(store_of: Make, fitted: list[str]) -> None:
    repository = store_of("recall", "store", [AUSTRALIA, HAMLET])
    before = rows_of(repository)
    fitted.clear()
    newer = Edit(AUSTRALIA.prompt, "Paris", subject=AUSTRALIA.subject)
    repository.commit([newer], "newer")
    assert fitted == [newer.prompt]
    after = rows_of(repository)
    assert set(after) == {HAMLET.id, newer.id} and after[HAMLET.id] == before[HAMLET.id]


def test_rows_are_the_same_in_any_order_and_any_commits(store_of: Make) -> None:
    together = store_of("recall", "together", [AUSTRALIA, HAMLET, SUM])
    apart = store_of("recall", "apart", [SUM], [HAMLET], [AUSTRALIA])
    assert rows_of(together) == rows_of(apart) and len(rows_of(apart)) == 3
    assert len(apart.show().memories) == 1
