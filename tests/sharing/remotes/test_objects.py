"""An object store as a remote: what goes wrong there is told in one line."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tests.sharing.remotes.publications import MAIN, publication
from wisedb.errors import (
    NotAuthorized,
    RemoteError,
    RemoteNotFound,
    RemoteUnavailable,
    UsageError,
)
from wisedb.sharing.remotes.objects import ObjectFiles, ObjectStoreRemote


def test_no_such_bucket(server: str) -> None:
    remote = ObjectStoreRemote("s3://nobody/x", endpoint=server)
    assert remote.refs() == {}
    with pytest.raises(RemoteNotFound, match="s3://nobody/x"):
        remote.publish(publication(remote.snapshot(MAIN)))


def test_no_server() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    quick: dict[str, Any] = {
        "config_kwargs": {"retries": {"max_attempts": 0}, "connect_timeout": 1}, "key": "a", "secret": "hunter2",
    }  # fmt: skip
    remote = ObjectStoreRemote("s3://facts/x", endpoint=f"http://127.0.0.1:{port}", **quick)
    files = remote._files
    assert isinstance(files, ObjectFiles)
    files._system.retries = 1
    with pytest.raises(RemoteUnavailable, match="s3://facts/x") as caught:
        remote.refs()
    assert "hunter2" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (PermissionError("Signature=hunter2"), NotAuthorized),
        (type("NoCredentialsError", (Exception,), {})("hunter2"), NotAuthorized),
        (type("TokenRetrievalError", (Exception,), {})("hunter2"), NotAuthorized),
        (FileNotFoundError("hunter2"), RemoteNotFound),
        (TimeoutError("https://x?X-Amz-Signature=hunter2"), RemoteUnavailable),
        (RuntimeError("hunter2"), RemoteUnavailable),
    ],
)
def test_what_the_libraries_raise(raised: Exception, expected: type[RemoteError], tmp_path: Path) -> None:
    files = ObjectFiles(f"memory://{tmp_path.name}", None, {})

    class Broken:
        def __getattr__(self, name: str) -> Any:
            def fail(*args: Any, **more: Any) -> Any:
                raise raised

            return fail

    files._system = Broken()
    calls: list[Callable[[], object]] = [lambda: files.write("a", b""), lambda: files.create("a", b"")]
    if expected is not RemoteNotFound:
        calls += [lambda: files.names("a"), lambda: files.size("a"), lambda: files.read("a", limit=1)]
    for call in calls:
        with pytest.raises(expected) as caught:
            call()
        assert "hunter2" not in str(caught.value) + caught.value.hint and caught.value.hint


def test_stores_that_cannot_guard_a_push_take_none(tmp_path: Path) -> None:
    remote = ObjectStoreRemote(f"local://{tmp_path}/pack")
    assert remote.refs() == {}
    with pytest.raises(UsageError, match="at once"):
        remote.publish(publication(remote.snapshot(MAIN)))
    assert remote.refs() == {}


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: Any, **more: Any) -> Any:
        raise ImportError("Please install gcsfs")

    monkeypatch.setattr(fsspec, "filesystem", missing)
    with pytest.raises(UsageError) as caught:
        ObjectStoreRemote("gs://facts/x")
    assert "wisedb[gcs]" in caught.value.hint
