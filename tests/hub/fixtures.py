"""Fixtures for tests against the Hub, known to every test: ``hub``, ``hub_api``, ``xet_api``, ``impatient``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import HfApi, constants, file_download
from huggingface_hub.utils import _http, _xet

from tests.hub.server import Hub

ADA = "hf_ada_writes"
"""Token of ada, who may write for herself and for ``org``."""

READER = "hf_ada_reads"
"""A token of ada's that allows to read only."""

EVE = "hf_eve"
"""Token of eve, who belongs to nobody."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A fresh Hub with ada (a writing and a reading token; may write for ``org``) and eve, and no repository."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
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


@pytest.fixture
def xet_api(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HfApi:
    """The real client in this process, as ada, with hf-xet, whose memory of earlier uploads is empty."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setenv("HF_XET_CACHE", str(tmp_path / "xet-cache"))
    monkeypatch.setattr(_xet, "_GLOBAL_XET_HOLDER", _xet.XetSessionHolder())
    monkeypatch.setattr(_xet, "XET_CONNECTION_INFO_CACHE", {})
    return HfApi(endpoint=hub.url, token=ADA)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The client doesn't wait between its attempts; the seconds it wanted to wait are in the list."""
    waits: list[float] = []
    clock = SimpleNamespace(sleep=waits.append, time=time.time, monotonic=time.monotonic)
    for module in (_http, file_download):
        monkeypatch.setattr(module, "time", clock)
    return waits
