"""A folder as a remote."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.sharing.remotes.publications import MAIN, publication
from wisedb.errors import (
    StoreNotWritable,
)
from wisedb.sharing.remotes.folder import FolderFiles, FolderRemote
from wisedb.store.files import Disk


def test_a_folder_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(step: str) -> None:
        raise PermissionError(13, "Permission denied")

    remote = FolderRemote(tmp_path / "pack", fault=fault)
    with pytest.raises(StoreNotWritable):
        remote.publish(publication(remote.snapshot(MAIN)))
    assert remote.refs() == {}


def test_a_link_is_never_half_there(tmp_path: Path) -> None:
    steps: list[str] = []
    files = FolderFiles(tmp_path, Disk(steps.append))
    assert files.create("a/x.json", b"1") and not files.create("a/x.json", b"2")
    assert [step for step in steps if step.startswith("link")] == ["link x.json"] * 2
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.json"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def link(*_: object) -> None:
        raise OSError(number, "no links here")

    monkeypatch.setattr(os, "link", link)
    files = FolderFiles(tmp_path, Disk())
    assert files.create("a/x.json", b"1") and not files.create("a/x.json", b"2")
    assert files.read("a/x.json", limit=9) == b"1" and files.names("a") == ["x.json"]
