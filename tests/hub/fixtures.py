"""Fixtures for tests against the Hub, known to every test: ``hub`` and ``hub_api``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from huggingface_hub import HfApi, constants

from tests.hub.server import Hub

ADA = "hf_ada_writes"
"""Token of ada, who may write for herself and for ``org``."""

READER = "hf_ada_reads"
"""A token of ada's that allows to read only."""

EVE = "hf_eve"
"""Token of eve, who belongs to nobody."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A fresh Hub with ada (a writing and a reading token; may write for ``org``) and eve, and no repository."""
    with Hub() as hub:
        hub.add_user("ada", ADA, organisations={"org": "write"})
        hub.add_user("ada", READER, role="read")
        hub.add_user("eve", EVE)
        yield hub


@pytest.fixture
def hub_api(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    """The real client in this process, as ada, over LFS: uploads without Xet."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    return HfApi(endpoint=hub.url, token=ADA)
