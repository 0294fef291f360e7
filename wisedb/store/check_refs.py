"""Refs are held against their logs: a ref that was swapped, set back or deleted by anybody but wisedb shows there.

The last line of a log says where its ref went, or was about to go: a process may have died before the move. So a ref is
sound where it is at either end of that line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wisedb.errors import StoreError
from wisedb.store.files import is_temporary
from wisedb.store.reflog import RefMove
from wisedb.store.refnames import HEAD, describe_ref, is_ref_name
from wisedb.store.refs import Refs


@dataclass(frozen=True, slots=True)
class Strayed:
    """A ref that isn't where its log says, or a log that doesn't say.

    Attributes:
        ref: its full name.
        at: the commit id where it is, ``None`` where it is gone.
        last: the last line of its log, ``None`` where there is none.
    """

    ref: str
    at: str | None
    last: RefMove | None

    @property
    def detail(self) -> str:
        """What is wrong, one line."""
        if self.last is None:
            return f"{describe_ref(self.ref)} is there, and no line of its log is"
        where = "gone" if self.at is None else f"at {self.at[:12]}"
        went = "deleted" if self.last.to is None else f"moved to {self.last.to[:12]}"
        return f"{describe_ref(self.ref)} is {where}, and by its log it was {went}"


def strayed(refs: Refs) -> Iterator[Strayed]:
    """Every ref that isn't where its log says, HEAD among them; a ref or a log that can't be read is passed over."""
    for ref in sorted({HEAD, *refs.names(), *(name for name in refs.logs.names() if is_ref_name(name))}):
        try:
            at, lines = refs.read(ref), refs.logs.lines(ref)
        except StoreError:
            continue
        last = lines[-1] if lines else None
        if last is None and at is not None:
            yield Strayed(ref, at, None)
        elif last is not None and at not in (last.to, last.from_):
            yield Strayed(ref, at, last)


def foreign_files(refs: Refs) -> Iterator[str]:
    """What lies among the refs and is none, by its path in the store."""
    root = refs.root
    for path in refs.logs.disk.walk(root / "refs"):
        name = path.relative_to(root).as_posix()
        if not is_temporary(path) and not name.endswith(".lock") and not is_ref_name(name):
            yield name
