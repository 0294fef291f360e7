"""A revert leaves the bytes of a store that never saw the edit, in shards that were kept quiet on its prompt too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.editors.contract import fake_editor, store_of
from tests.stores import AUSTRALIA, HAMLET, SPAIN, SUM
from wisedb.repository import Repository

__all__ = ["fake_editor", "store_of"]

SETTINGS = {"shard_size": 1, "steps": 15, "contexts": 2, "irrelevant": 10}


@pytest.mark.parametrize("replay", [0, 1, 4])
def test_shards_never_saw_the_edit(store_of: Callable[..., Repository], replay: int) -> None:
    one, other = store_of("wise", "one"), store_of("wise", "other")
    for repository, edits in ((one, (AUSTRALIA, HAMLET, SUM, SPAIN)), (other, (AUSTRALIA, SUM, SPAIN))):
        for edit in edits:
            repository.commit([edit], "one", settings={**SETTINGS, "replay": replay})
    one.revert(HAMLET.id)
    found, expected = ([(memory.id, memory.blob) for memory in each.show().memories] for each in (one, other))
    assert found == expected and len(found) == 3
    assert one.fsck().ok
