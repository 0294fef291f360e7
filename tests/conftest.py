"""Fixtures that every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.stores import chat_history, empty, history, model_folder, new_repository, repository

__all__ = ["chat_history", "empty", "history", "model_folder", "new_repository", "repository"]

pytest_plugins = ["tests.hub.fixtures"]


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that a test computes is found in, or left in, the user's own cache folder.

    What takes long and depends on a base model alone (its pool, its statistics) is made once for all workers: several
    processes of one user may share the cache at any time.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The pages first: the longest file must not be the one that a single worker is left with."""
    items.sort(key=lambda item: item.path.name != "test_docs.py")
