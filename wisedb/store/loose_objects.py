"""The files of ``objects/``: one an object, in a folder named by the first two digits of its id; written once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wisedb.errors import CorruptObject
from wisedb.store.container import ID
from wisedb.store.files import Disk

BLOB_SUFFIX: Final = ".safetensors"
COMMIT_SUFFIX: Final = ".json"
HEADER_SUFFIX: Final = ".header"
"""Of a promised blob: its header alone, which proves its id, kind and meta. The rest is on a remote."""

HINT: Final = "`wisedb fsck --repair` brings back what a remote, the trash or another copy still has."

_FOLDER: Final = re.compile("[0-9a-f]{2}")
# A hint only: objects are written once. Nothing trusts these bits.
_MODE: Final = 0o444


@dataclass(frozen=True, slots=True)
class LooseObjects:
    """Finds, lists and writes them; what is in them is for others to know.

    Attributes:
        folder: ``objects/``.
        disk: how files are written.
    """

    folder: Path
    disk: Disk

    def path(self, object_id: str, suffix: str) -> Path:
        """Where an object's file is, or would be.

        Raises:
            CorruptObject: ``object_id`` is not an id.
        """
        # Ids come out of files: what isn't one must never become a path.
        if not ID.fullmatch(object_id):
            raise CorruptObject(f"{object_id!r} is not the id of an object", hint=HINT)
        return self.folder / object_id[:2] / (object_id[2:] + suffix)

    def ids(self, *suffixes: str, prefix: str = "") -> Iterator[str]:
        """The ids, sorted, that begin with ``prefix`` and have a file that ends in one of ``suffixes``."""
        for folder in self.disk.names(self.folder):
            if not _FOLDER.fullmatch(folder) or not folder.startswith(prefix[:2]):
                continue
            # Names only: looking at ten thousand files one by one would take longer than reading some of them.
            names = self.disk.names(self.folder / folder)
            for stem in sorted({name.removesuffix(end) for end in suffixes for name in names if name.endswith(end)}):
                object_id = folder + stem
                if ID.fullmatch(object_id) and object_id.startswith(prefix):
                    yield object_id

    def write(self, path: Path, data: bytes) -> None:
        """Write an object's file, whole or not at all.

        Raises:
            NoSpace, StoreNotWritable: nothing is written.
        """
        self.disk.write(path, data, mode=_MODE)

    def freshen(self, path: Path) -> bool:
        """Whether the file is there; it looks young from now on, to a collection that runs next."""
        try:
            os.utime(path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError:
            return path.is_file()
        return True


def damaged(blob_id: str, problem: str) -> CorruptObject:
    """The error that says what is wrong with a blob's file."""
    return CorruptObject(f"blob {blob_id[:12]} is damaged: {problem}", hint=HINT)
