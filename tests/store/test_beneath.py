"""Beneath a root no link is followed, and nothing but plain files is opened."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from wisedb.errors import UnsafeFile
from wisedb.store.beneath import folder_beneath, open_beneath, walk_beneath


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


ODD: dict[str, Callable[[Path], None]] = {
    "a link": lambda path: path.symlink_to(path.parent.parent / "secret"),
    "a link to nothing": lambda path: path.symlink_to(path.parent / "none"),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a pipe": _pipe,
    "a socket": _socket,
}
WAYS = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside a secret."""
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.chdir(root)  # the name of a socket must be short
    return root


@pytest.mark.parametrize("flags", WAYS)
@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_plain_file_is_refused_at_once_and_not_touched(root: Path, odd: str, flags: int) -> None:
    ODD[odd](root / "name")
    with pytest.raises(UnsafeFile, match="name is a") as caught:
        open_beneath(root / "name", root, flags)
    assert caught.value.hint and not (root / "none").exists()
    assert (root.parent / "secret").read_text() == "secret"


def test_a_pipe_never_keeps_anybody_waiting(root: Path) -> None:
    os.mkfifo(root / "name")
    with pytest.raises(UnsafeFile, match="a pipe"):
        open_beneath(root / "name", None)


def test_no_part_of_the_path_is_a_link(root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "name").touch()
    os.close(open_beneath(root / "a" / "b" / "name", root))
    (root / "link").symlink_to(root / "a")
    for path in (root / "link" / "b" / "name", root / "link" / "b", root / "link" / "name"):
        with pytest.raises(UnsafeFile, match="link is a link"):
            open_beneath(path, root)
    with pytest.raises(UnsafeFile), folder_beneath(root / "link", root):
        pass
    with pytest.raises(UnsafeFile, match="leads out"):
        open_beneath(root / "a" / ".." / ".." / "secret", root)


def test_the_root_may_be_a_link_and_without_a_root_all_may(root: Path) -> None:
    other = root.parent / "other"
    other.symlink_to(root)
    (root / "name").touch()
    os.close(open_beneath(other / "name", other))
    (root / "link").symlink_to(root / "name")
    os.close(open_beneath(root / "link", None))


def test_what_the_system_says_passes_through(root: Path) -> None:
    for path in (root / "none", root / "none" / "name"):
        with pytest.raises(FileNotFoundError):
            open_beneath(path, root)
    (root / "file").touch()
    with pytest.raises(NotADirectoryError):
        open_beneath(root / "file" / "name", root)
    (root / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        open_beneath(root / "folder", root)
    with pytest.raises(ValueError, match="truncated"):
        open_beneath(root / "file", root, os.O_RDWR | os.O_TRUNC)


def test_nothing_is_left_open(root: Path) -> None:
    ODD["a link"](root / "name")
    (root / "a").mkdir()
    before = len(list(Path("/dev/fd").iterdir()))
    for path in (root / "name", root / "a", root / "a" / "b", root / "name" / "b"):
        with pytest.raises((UnsafeFile, OSError)):
            open_beneath(path, root)
    list(walk_beneath(root, root))
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_walk_names_links_and_follows_none(root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "name").touch()
    (root / "link").symlink_to(root.parent)
    (root / "a" / "to-file").symlink_to(root.parent / "secret")
    (root / "a" / "to-nothing").symlink_to("nothing")
    found = sorted(path.relative_to(root).as_posix() for path in walk_beneath(root, root))
    assert found == ["a/b/name", "a/to-file", "a/to-nothing", "link"]
    assert list(walk_beneath(root / "none", root)) == []
    with pytest.raises(UnsafeFile):
        list(walk_beneath(root / "link", root))


@pytest.mark.parametrize("spelling", ["absolute", "relative", "here"])
def test_a_root_is_one_however_it_is_spelt(root: Path, spelling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "a").mkdir()
    (root / "a" / "link").symlink_to(root.parent / "secret")
    (root / "b").symlink_to(root.parent)
    monkeypatch.chdir(root if spelling == "here" else root.parent)
    own = {"absolute": root, "relative": Path("root"), "here": Path()}[spelling]
    for path in (own / "a" / "link", own / "b" / "secret"):
        with pytest.raises(UnsafeFile):
            open_beneath(path, own)
    (root / "a" / "name").touch()
    os.close(open_beneath(own / "a" / "name", own))


def test_a_folder_of_a_longer_name_is_not_beneath_it(root: Path) -> None:
    beside = root.parent / "root-and-more"
    beside.mkdir()
    (beside / "name").touch()
    (root.parent / "link").symlink_to(beside)
    os.close(open_beneath(root.parent / "link" / "name", root))  # the user's own path, outside of the root
