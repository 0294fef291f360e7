"""What it takes to read a blob: from the file to checked arrays."""

from __future__ import annotations

from typing import Any

import pytest

from wisedb.repository import Repository


@pytest.mark.parametrize("role", ["mask", "delta"])
def test_decode_a_blob(benchmark: Any, repository: Repository, role: str) -> None:
    objects = repository.store.objects
    memory = objects.commit(repository.store.resolve("HEAD")).memories[0]
    blob = benchmark(objects.get, memory.blobs[role])
    assert blob.kind == role
