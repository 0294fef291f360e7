"""What is opened in a folder that may come from somebody else: what lies beneath it, and plain files alone.

A store or a pack that was copied here may hold links in the place of its files and folders, and pipes and devices. No
link is followed beneath the root, whichever part of a path it is; the root itself is what the user named, and may be
one. Nothing is truncated here: whoever wants to does so once a file has been opened, and so looked at.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from wisedb.errors import UnsafeFile

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without this a pipe that nobody writes to keeps whoever opens it waiting; of a plain file it changes nothing.
_FILE: Final = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
# What systems say of a link that isn't followed, and of pipes, sockets and devices without another end.
_PERHAPS: Final = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EOPNOTSUPP, errno.ENODEV, errno.EMLINK})
_KINDS: Final = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextmanager
def folder_beneath(path: Path, root: Path | None) -> Iterator[int]:
    """The descriptor of a folder, inside the ``with``.

    Args:
        path: the folder.
        root: beneath it no link is followed; ``None`` where the whole path is the user's own.

    Raises:
        UnsafeFile: a link is on the way.
        OSError: the folder isn't there, or can't be opened.
    """
    handle = _open_folder(path, root)
    try:
        yield handle
    finally:
        os.close(handle)


def open_beneath(path: Path, root: Path | None, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
    """Open a plain file; the descriptor.

    Args:
        path: the file.
        root: as for :func:`folder_beneath`.
        flags: as for :func:`os.open`, without ``O_TRUNC``; with ``O_CREAT`` a file that isn't there is made.
        mode: of a file that is made, what the umask leaves of it.

    Raises:
        UnsafeFile: a link is on the way or in its place, or it is a pipe, a socket or a device.
        OSError: it isn't there, or can't be opened.
    """
    if flags & os.O_TRUNC:
        raise ValueError("nothing is truncated before it was looked at")
    folder = _open_folder(path.parent, root)
    try:
        flags |= _FILE | (0 if root is None else os.O_NOFOLLOW)
        try:
            handle = os.open(path.name, flags, mode, dir_fd=folder)
        except OSError as error:
            refuse_odd(path, folder, path.name, error)
            raise
    finally:
        os.close(folder)
    try:
        kind = stat.S_IFMT(os.fstat(handle).st_mode)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if kind != stat.S_IFREG:
            raise _unsafe(path, kind)
    except BaseException:
        os.close(handle)
        raise
    return handle


def refuse_odd(path: Path, folder: int, name: str, cause: OSError | None = None) -> None:
    """Refuse an entry of a folder that is neither a plain file nor a folder; one that isn't there is neither.

    Args:
        path: how the message calls it.
        folder: the folder's descriptor.
        name: the entry.
        cause: what the system said when it was opened: what doesn't speak of a link or a device is passed over.

    Raises:
        UnsafeFile: it is a link, a pipe, a socket or a device.
    """
    if cause is not None and cause.errno not in _PERHAPS:
        return
    try:
        kind = stat.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return
    if kind in _KINDS:
        raise _unsafe(path, kind) from cause


def walk_beneath(folder: Path, root: Path | None) -> Iterator[Path]:
    """All that is in a folder and in those below it, but the folders themselves; nothing where there is no folder.

    Links are named, never followed.

    Raises:
        UnsafeFile: the folder itself is a link, or a part of its path beneath the root is.
        OSError: a folder can't be read.
    """
    try:
        handle = _open_folder(folder, root)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        for here, folders, names, inside in os.fwalk(".", dir_fd=handle, onerror=_raise, follow_symlinks=False):
            # Links to folders are among the folders, and aren't walked into.
            links = [name for name in folders if _is_link(name, inside)]
            for name in (*names, *links):
                yield folder / here / name
    finally:
        os.close(handle)


def odd_beneath(root: Path) -> Iterator[Path]:
    """All that is in a folder, or below it, and is neither a plain file nor a folder."""
    return (path for path in walk_beneath(root, root) if not stat.S_ISREG(path.lstat().st_mode))


def _open_folder(path: Path, root: Path | None) -> int:
    parts = None if root is None else _parts(path, root)
    if root is None or parts is None:
        return os.open(path, _FOLDER)
    handle = os.open(root, _FOLDER)
    try:
        for place, part in enumerate(parts):
            if part == os.pardir:
                raise UnsafeFile(f"{path} leads out of {root}", hint=_HINT)
            try:
                inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
            except OSError as error:
                refuse_odd(root.joinpath(*parts[: place + 1]), handle, part, error)
                raise
            os.close(handle)
            handle = inner
    except BaseException:
        os.close(handle)
        raise
    return handle


def _parts(path: Path, root: Path) -> tuple[str, ...] | None:
    """The parts of a path beneath a root, ``None`` where it isn't beneath it. Quick: every object is opened so."""
    whole, above = path.parts, root.parts
    beneath = whole[: len(above)] == above and (above or not path.is_absolute())
    return whole[len(above) :] if beneath else None


def _is_link(name: str, folder: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _raise(error: OSError) -> None:
    raise error


_HINT: Final = "Don't trust where it came from; `wisedb fsck` lists all such files. Remove it, or make a clone."


def _unsafe(path: Path, kind: int) -> UnsafeFile:
    return UnsafeFile(f"{path} is {_KINDS.get(kind, 'no plain file')}, and only plain files are opened", hint=_HINT)
