"""A remote is opened by what its address looks like."""

from __future__ import annotations

from tests.hub.fixtures import ADA
from tests.hub.server import Hub
from tests.sharing.hub_pushes import Connect
from wisedb.sharing.remotes import open_remote
from wisedb.sharing.remotes.hub import HubRemote


def test_open_remote_finds_the_hub(hub: Hub, connect: Connect) -> None:
    remote = open_remote("org/facts", token=ADA, endpoint=hub.url)
    assert isinstance(remote, HubRemote) and remote.url == "hf://org/facts"
