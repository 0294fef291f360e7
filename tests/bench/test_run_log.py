"""What each commit of a benchmark cost, kept beside its store."""

from __future__ import annotations

from pathlib import Path

from tests.stores import AUSTRALIA, HAMLET
from wisedb.bench.run_log import RunLog
from wisedb.repository import Repository


def test_a_run_log_tells_the_cost_up_to_a_length(repository: Repository, tmp_path: Path) -> None:
    store = repository.store
    log = RunLog(tmp_path, store)
    for count, edit in enumerate((AUSTRALIA, HAMLET), start=1):
        log.add(count, repository.commit([edit], "one").commit, seconds=float(count), peak=100 - count)
    again = RunLog(tmp_path, store)
    assert (again.seconds(1), again.seconds(2)) == (1.0, 3.0)
    assert 0 < again.bytes(1) < again.bytes(2)
    assert (again.peak(2), again.last.count) == (99, 2)
    assert again.at(5) is None and (entry := again.at(2)) is not None and entry.commit == store.resolve("HEAD")
