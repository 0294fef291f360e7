"""Many at a time, and the first failure ends it."""

from __future__ import annotations

import threading
import time

import pytest

from wisedb.progress import Progress
from wisedb.sharing.transfer import Meter, in_parallel


def test_all_are_done_and_told() -> None:
    heard: list[Progress] = []
    done: list[str] = []
    in_parallel(done.append, {"a": 1, "b": 2, "c": 3}, Meter("sending", 10, heard.append))
    assert sorted(done) == ["a", "b", "c"]
    assert [item.done for item in heard] == sorted(item.done for item in heard) and heard[-1].done == 6
    assert {(item.phase, item.total, item.unit) for item in heard} == {("sending", 10, "B")}
    in_parallel(done.append, {}, Meter("sending", 0, heard.append))
    assert len(done) == 3


def test_what_waits_is_dropped() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        with lock:
            begun.append(number)
        if number == 0:
            raise ConnectionError("cut")
        time.sleep(0.05)  # long enough for the calling thread to hear of the failure before all have begun

    with pytest.raises(ConnectionError):
        in_parallel(work, dict.fromkeys(range(1000), 1), Meter("x", 1000, None), workers=2)
    assert len(begun) < 1000


def test_a_listener_that_stops_it() -> None:
    def stop(report: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_parallel(lambda number: None, dict.fromkeys(range(100), 1), Meter("x", 100, stop), workers=2)
