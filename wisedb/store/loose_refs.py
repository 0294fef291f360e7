"""The files of the refs, one each: what they hold, which there are, and which there can be. No ref is written here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wisedb.errors import CorruptObject, RefExists
from wisedb.store.container import ID
from wisedb.store.files import Disk
from wisedb.store.refnames import BRANCHES, HEAD, ORIG_HEAD, check_ref_name, describe_ref, is_ref_name

SYMBOLIC: Final = "ref: "
"""What the file of an attached HEAD begins with; a branch's full name follows."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where HEAD is.

    Attributes:
        branch: the branch that it is attached to, ``None`` where it is detached.
        commit: the commit, ``None`` where the branch has none yet.
    """

    branch: str | None
    commit: str | None

    @property
    def ref(self) -> str:
        """What a commit moves: ``refs/heads/<branch>``, or ``HEAD`` itself where it is detached."""
        return HEAD if self.branch is None else BRANCHES + self.branch


@dataclass(frozen=True, slots=True)
class LooseRefs:
    """``HEAD`` and ``refs/``; refs go by their full names.

    Attributes:
        root: the ``.wisedb`` folder.
        disk: how files are read.
    """

    root: Path
    disk: Disk

    def head(self) -> Head:
        """Where HEAD is.

        Raises:
            CorruptObject: HEAD, or the branch that it names, can't be read.
        """
        data = self.disk.read_if_there(self.root / HEAD)
        text = _text(HEAD, data)
        if text.startswith(SYMBOLIC):
            ref = text.removeprefix(SYMBOLIC)
            if not ref.startswith(BRANCHES) or not is_ref_name(ref):
                raise corrupt_ref(HEAD)
            return Head(ref.removeprefix(BRANCHES), self.read(ref))
        return Head(None, _commit_id(HEAD, text))

    def read(self, ref: str) -> str | None:
        """The commit id that a ref holds, ``None`` where there is no such ref; of HEAD, the commit that it leads to.

        Raises:
            CorruptObject: the file holds something else.
        """
        if ref == HEAD:
            return self.head().commit
        path = self.path(ref)
        if path.is_dir():
            return None
        data = self.disk.read_if_there(path)
        return None if data is None else _commit_id(ref, _text(ref, data))

    def orig_head(self) -> str | None:
        """The commit id in ``ORIG_HEAD``, ``None`` where there is none.

        Raises:
            CorruptObject: the file holds something else.
        """
        data = self.disk.read_if_there(self.root / ORIG_HEAD)
        return None if data is None else _commit_id(ORIG_HEAD, _text(ORIG_HEAD, data))

    def names(self, prefix: str = "refs/") -> list[str]:
        """The full names of all refs that begin with ``prefix``; their files are not read."""
        paths = self.disk.walk(self.root / prefix)
        # What isn't named like a ref (claims, unfinished files, other programs' droppings) is none; `fsck` reports it.
        names = (path.relative_to(self.root).as_posix() for path in paths)
        return sorted(name for name in names if is_ref_name(name))

    def path(self, ref: str) -> Path:
        """Where a ref's file is, or would be.

        Raises:
            InvalidRefName: the name is not one.
        """
        # A ref's name becomes a path: only a checked one may.
        if ref == HEAD:
            return self.root / HEAD
        check_ref_name(ref)
        return self.root / ref

    def make_room(self, ref: str) -> None:
        """Make sure that a ref's file can be written: empty folders in its place go.

        Raises:
            RefExists: its name is the folder of another ref, or the other way round.
        """
        parts = ref.split("/")
        for end in range(3, len(parts)):
            folder = "/".join(parts[:end])
            if (self.root / folder).is_file():
                raise RefExists(
                    f"'{ref}' can't be made: {describe_ref(folder)} exists",
                    hint="Choose another name, or delete it first.",
                )
        path = self.path(ref)
        if not path.is_dir():
            return
        if self.names(ref + "/"):
            raise RefExists(f"'{ref}' can't be made: there are refs below it", hint="Choose another name.")
        for folder_path in sorted((item for item in path.rglob("*") if item.is_dir()), reverse=True):
            folder_path.rmdir()
        path.rmdir()


def _text(ref: str, data: bytes | None) -> str:
    try:
        text = (data or b"").decode()
    except UnicodeDecodeError as error:
        raise corrupt_ref(ref) from error
    if not text.endswith("\n"):
        raise corrupt_ref(ref)
    return text.removesuffix("\n")


def _commit_id(ref: str, text: str) -> str:
    if not ID.fullmatch(text):
        raise corrupt_ref(ref)
    return text


def corrupt_ref(ref: str) -> CorruptObject:
    """The error that says that a ref's file holds no commit id."""
    return CorruptObject(
        f"{describe_ref(ref)} is damaged: it holds no commit id",
        hint=f"The last good value stands in the last line of .wisedb/logs/{ref}.jsonl; write it into .wisedb/{ref}.",
    )
