"""A history of three commits with three edits each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.index.synthetic import Builder, made_up


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    """Four edits a memory."""
    builder = Builder.make(tmp_path, capacity=4)
    for number in range(3):
        builder.commit(*made_up(3 * number, 3))
    return builder
