"""Whose a store is: one that another user made is not used without a word, as git has it.

Whoever owns a store chooses what is read and written there, and one above the working directory is found without being
named.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wisedb.errors import UnsafeOwner

ANY: Final = "*"
"""In the place of a folder: all of them are trusted."""


@dataclass(frozen=True, slots=True)
class TrustedOwners:
    """Whose stores are used.

    Attributes:
        folders: the folders whose stores are used whoever owns them; :data:`ANY` for all.
        users: the ids of the users whose stores are used besides one's own.
    """

    folders: tuple[str, ...] = ()
    users: frozenset[int] = frozenset()

    def holds(self, root: Path) -> bool:
        """Whether a store is one's own or trusted.

        Args:
            root: the ``.wisedb`` folder.
        """
        mine = {os.geteuid(), *self.users}
        try:
            owners = {path.stat().st_uid for path in (root, root / "config.toml") if path.exists()}
        except OSError:
            return False
        return owners <= mine or ANY in self.folders or bool(set(_places(root)) & set(map(_whole, self.folders)))


def check_owner(root: Path, owners: TrustedOwners) -> None:
    """Make sure that a store is one's own or trusted.

    Raises:
        UnsafeOwner: it is somebody else's.
    """
    if owners.holds(root):
        return
    folders = os.pathsep.join([*owners.folders, str(root.parent)])
    raise UnsafeOwner(
        f"the store {root} belongs to user {_owner(root)}, and you are user {os.geteuid()}",
        hint=f"If you trust whoever owns it: wisedb config --global safe.directory {shlex.quote(folders)}",
    )


def _places(root: Path) -> set[str]:
    return {_whole(str(root)), _whole(str(root.parent))}


def _whole(folder: str) -> str:
    return os.path.realpath(folder)


def _owner(root: Path) -> str:
    try:
        return str(root.stat().st_uid)
    except OSError:
        return "unknown"
