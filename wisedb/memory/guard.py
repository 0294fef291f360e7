"""A lock that what is copied and sent to other processes may hold: its copy is a lock of its own."""

from __future__ import annotations

from threading import RLock
from types import TracebackType


class Guard:
    """A lock that its thread may take again, for a ``with`` block."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Guard], tuple[()]]:
        return Guard, ()
