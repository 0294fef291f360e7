"""Timings that take no time."""

from __future__ import annotations

import pytest

from wisedb.bench import latency


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Latency is measured on one prompt, once."""
    monkeypatch.setattr(latency, "PROMPTS", 1)
    monkeypatch.setattr(latency, "SECONDS", 0.0)
