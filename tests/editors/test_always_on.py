"""An always-on memory takes no more edits once another memory stands behind it, which was trained beside it."""

from __future__ import annotations

from collections.abc import Callable

from tests.editors.contract import fake_editor, quick, store_of
from tests.stores import AUSTRALIA, HAMLET, SPAIN, SUM
from wisedb.repository import Repository

__all__ = ["fake_editor", "store_of"]


def test_a_new_one_is_begun_behind_another_memory(store_of: Callable[..., Repository]) -> None:
    repository = store_of("fake")
    repository.commit([AUSTRALIA], "always on")
    (first,) = repository.show().memories
    repository.commit([HAMLET], "behind it", editor="keyed", settings=quick("keyed"))
    repository.commit([SUM], "always on")
    memories = repository.show().memories
    assert [memory.editor for memory in memories] == ["fake", "keyed", "fake"]
    assert (memories[0].id, memories[0].blob) == (first.id, first.blob)
    assert repository.fsck().ok


def test_those_behind_it_are_as_if_a_reverted_edit_was_never_there(store_of: Callable[..., Repository]) -> None:
    one, other = store_of("fake", "one"), store_of("fake", "other")
    for repository, edits in ((one, (AUSTRALIA, SPAIN)), (other, (AUSTRALIA,))):
        repository.commit(edits, "always on")
        repository.commit([HAMLET], "behind it", editor="keyed", settings=quick("keyed"))
        repository.commit([SUM], "always on")
    one.revert(SPAIN.id)
    found, expected = ([(memory.id, memory.blob) for memory in each.show().memories] for each in (one, other))
    assert found == expected and len(found) == 3
    assert one.fsck().ok
