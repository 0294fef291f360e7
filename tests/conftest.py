"""Fixtures that every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chats import chat_history
from tests.stores import empty, history, model_folder, new_repository, repository, shelf

__all__ = ["chat_history", "empty", "history", "model_folder", "new_repository", "repository", "shelf"]

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


@pytest.fixture(scope="session", autouse=True)
def _no_flush() -> Iterator[None]:
    """No test loses power: none need wait for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


LONGEST = (
    "tests/sharing/test_hub_cli.py",
    "tests/test_loading.py",
    "tests/cli/test_bench.py",
    "tests/editors/test_contract.py",
    "tests/memory/test_honest_generation.py",
    "tests/memory/gates/test_site_router.py",
    "tests/versioning/merging/test_merge.py",
    "tests/memory/test_honest.py",
    "tests/test_docs.py",
    "tests/memory/test_cost.py",
    "tests/memory/test_surroundings.py",
    "tests/cli/test_contract.py",
    "tests/store/test_histories.py",
    "tests/test_format1.py",
)
"""The files that take longest, in this order: none of them must be the one that a single worker is left with."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: whole files go to the workers, in the order of collection."""
    root = Path(__file__).parent.parent
    place = {root / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))
