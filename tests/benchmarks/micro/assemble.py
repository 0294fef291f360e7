"""What it takes to have a model at a commit: its memories read, decoded, checked and attached."""

from __future__ import annotations

from typing import Any

import pytest

from wisedb.repository import Repository
from wisedb.serving.assemble import Mode, attached_at_commit


@pytest.mark.parametrize("mode", ["retrieve", "merge"])
def test_assemble_a_model_at_a_commit(benchmark: Any, repository: Repository, mode: Mode) -> None:
    store, base = repository.store, repository.base
    commit = store.objects.commit(store.resolve("HEAD"))

    def assemble() -> None:
        with attached_at_commit(store, base, commit, mode):
            pass

    benchmark(assemble)


def test_switch_a_loaded_model_between_commits(benchmark: Any, repository: Repository) -> None:
    model, _ = repository.load("HEAD")

    def there_and_back() -> None:
        repository.switch(model, "HEAD~1")
        repository.switch(model, "HEAD")

    benchmark(there_and_back)
