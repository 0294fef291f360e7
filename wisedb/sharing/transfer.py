"""What a push, a fetch or a clone came to; and many transfers at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from wisedb.progress import Listener, Progress

WORKERS: Final = 8
"""Files that travel at a time."""

AT_A_TIME: Final = 1 << 26
"""Bytes that files which travel at a time have together, unless one alone has more: they are held in memory."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RefChange:
    """One ref that moved.

    Attributes:
        name: its full name, on the side that changed: ``refs/heads/main`` on a remote after a push,
            ``refs/remotes/origin/main`` here after a fetch.
        from_: where it was, ``None`` where it is new.
        to: where it is, ``None`` where it was deleted.
        note: what else there is to say about it, or the empty string.
    """

    name: str
    from_: str | None
    to: str | None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """``{"name", "from", "to"}``, and ``"note"`` where there is one."""
        told: dict[str, Any] = {"name": self.name, "from": self.from_, "to": self.to}
        return told | ({"note": self.note} if self.note else {})


@dataclass(frozen=True, slots=True)
class Transfer:
    """What travelled.

    Attributes:
        remote: the remote as the user calls it: its name, or its address.
        url: its address.
        refs: the refs that moved.
        commits: how many commits travelled.
        blobs: how many blobs travelled, headers of promised ones not counted.
        bytes: what travelled, as it was sent or received.
        page: where to look at it, for a proposed change on the Hub.
        dry_run: whether it is only what would be done.
    """

    remote: str
    url: str
    refs: tuple[RefChange, ...] = ()
    commits: int = 0
    blobs: int = 0
    bytes: int = 0
    page: str | None = None
    dry_run: bool = False

    def to_json(self, direction: str) -> dict[str, Any]:
        """As ``push`` (direction ``"sent"``) and ``fetch``, ``pull``, ``clone`` (``"received"``) print it."""
        told: dict[str, Any] = {
            "remote": self.remote,
            "url": self.url,
            "refs": [change.to_json() for change in self.refs],
            f"commits_{direction}": self.commits,
            f"blobs_{direction}": self.blobs,
            "bytes": self.bytes,
        }
        if self.page is not None:
            told["page"] = self.page
        return told | ({"dry_run": True} if self.dry_run else {})


class Meter:
    """Adds up what is done and tells it.

    Args:
        phase: what the progress is called.
        total: what all of it weighs, in bytes.
        progress: who is told.
    """

    def __init__(self, phase: str, total: int, progress: Listener | None) -> None:
        self._phase = phase
        self._total = total
        self._progress = progress
        self._done = 0

    def add(self, weight: int) -> None:
        """So much more is done."""
        self._done += weight
        if self._progress is not None:
            self._progress(Progress(self._phase, self._done, self._total, unit="B"))


def in_parallel(work: Callable[[T], object], items: Mapping[T, int], meter: Meter, *, workers: int = WORKERS) -> None:
    """Do something for each item, several at a time.

    The first failure ends it: what runs is waited for, what waits is dropped, and the failure is raised.

    Args:
        work: done in threads of its own.
        items: item → its weight in bytes.
        meter: told from the calling thread.
        workers: how many at a time, at most; fewer where they are large (:data:`AT_A_TIME`).
    """
    if not items:
        return
    workers = max(1, min(workers, len(items), AT_A_TIME // max(1, *items.values())))
    with ThreadPoolExecutor(workers, thread_name_prefix="wisedb") as pool:
        running: dict[Future[object], T] = {pool.submit(work, item): item for item in items}
        try:
            for future in as_completed(running):
                future.result()
                meter.add(items[running[future]])
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
