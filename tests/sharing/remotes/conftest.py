"""Folders and object stores as remotes: each test runs on both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
import pytest

from wisedb.sharing.remotes.numbered import Files, NumberedRemote
from wisedb.sharing.remotes.open import open_remote

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An S3 on loopback with a bucket."""
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        made.start()
        host, port = made.get_host_and_port()
        url = f"http://{host}:{port}"
        with suppress(FileExistsError):  # all servers of one process share their buckets
            fsspec.filesystem("s3", endpoint_url=url).mkdir("facts")
        yield url
        made.stop()


@pytest.fixture(params=["folder", "memory", "s3"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The address of an empty place, and what else it takes to open it."""
    if request.param == "folder":
        return {"url": str(tmp_path / "pack")}
    name = tmp_path.name
    if request.param == "memory":
        return {"url": f"memory://{name}/pack"}
    return {"url": f"s3://facts/{name}", "endpoint": request.getfixturevalue("server")}


@pytest.fixture
def remote(options: dict[str, Any]) -> NumberedRemote:
    found = open_remote(**options)
    assert isinstance(found, NumberedRemote)
    return found


@pytest.fixture
def files(remote: NumberedRemote) -> Files:
    return remote._files
