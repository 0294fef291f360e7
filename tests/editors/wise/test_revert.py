"""Without replayed prompts, a revert leaves the bytes of a store that never saw the edit, over several shards too."""

from __future__ import annotations

from collections.abc import Callable

from tests.editors.contract import fake_editor, store_of
from tests.stores import AUSTRALIA, HAMLET, SUM
from wisedb.repository import Repository

__all__ = ["fake_editor", "store_of"]

SETTINGS = {"shard_size": 1, "steps": 15, "contexts": 2, "irrelevant": 10, "replay": 0}


def test_shards_without_replay_never_saw_the_edit(store_of: Callable[..., Repository]) -> None:
    one, other = store_of("wise", "one"), store_of("wise", "other")
    for repository, edits in ((one, (AUSTRALIA, HAMLET, SUM)), (other, (AUSTRALIA, SUM))):
        for edit in edits:
            repository.commit([edit], "one", settings=SETTINGS)
    one.revert(HAMLET.id)
    found, expected = ([(memory.id, memory.blob) for memory in each.show().memories] for each in (one, other))
    assert found == expected and len(found) == 2
