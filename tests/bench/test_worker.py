"""One editor's part: what it writes, what it measures, and that it goes on after it was killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.stores import AUSTRALIA, HAMLET, SETTINGS, SUM
from wisedb.bench.results import Row
from wisedb.bench.run_log import NAME
from wisedb.bench.task import Task
from wisedb.bench.worker import work
from wisedb.errors import UsageError
from wisedb.progress import Progress
from wisedb.repository import Repository
from wisedb.store.store import Store

pytestmark = pytest.mark.usefixtures("short_rounds")

STREAM = (AUSTRALIA, HAMLET, SUM)
MODES = ("retrieve", "merge", "oracle")


@pytest.fixture
def task(model_folder: Path, tmp_path: Path) -> Callable[..., Task]:
    def make(name: str = "keyed", *, protocol: str = "one-by-one", **more: Any) -> Task:
        row = Row(name, "", "tiny", "three", 0, protocol, 0)
        given: dict[str, Any] = {"writes": True, "wanted": ((1, MODES), (3, MODES)), "pool": None, **more}
        return Task(tmp_path / name, row, source=str(model_folder), revision=None, target=None, editor="keyed",
                    settings={**SETTINGS, "steps": 5}, stream=STREAM, **given)  # fmt: skip

    return make


def rows_of(task: Task, progress: list[Progress] | None = None) -> list[Row]:
    found: list[Row] = []
    work(task, found.append, None if progress is None else progress.append)
    return found


def timeless(rows: list[Row]) -> list[Row]:
    """Without what no second run measures alike."""
    return [
        replace(row, seconds_per_edit=None, prefill_overhead=None, decode_overhead=None, peak_rss_bytes=None)
        for row in rows
    ]


def test_a_task_survives_json(task: Callable[..., Task]) -> None:
    made = task(pool=("Water boils at",))
    assert Task.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_every_length_in_every_mode(task: Callable[..., Task]) -> None:
    told: list[Progress] = []
    found = rows_of(task(), told)
    assert [(row.T, row.mode) for row in found] == [
        (T, mode) for T in (1, 3) for mode in ("retrieve", "oracle", "merge")
    ]
    store = Store.open(task().folder)
    for row in found:
        assert row.reliability is not None and 0 <= row.reliability <= 1
        assert row.seconds_per_edit is not None and row.seconds_per_edit > 0
        assert row.bytes_per_edit is not None and row.peak_rss_bytes is not None
        assert row.leaked_rephrases == 0
        if row.mode == "oracle":
            assert (row.exact_match, row.locality, row.prefill_overhead) == (None, None, None)
        else:
            assert row.exact_match is not None and row.locality is not None
            assert row.prefill_overhead is not None and row.prefill_overhead > 0
    # The rows are those of the store's own evaluation of the commit with so many edits.
    repository = Repository(store)
    last = repository.evaluate("HEAD", data=list(STREAM))
    assert (found[3].reliability, found[3].exact_match) == (last.reliability, last.exact_match)
    assert (found[3].recall_at_1_rephrase, found[3].false_fire) == (last.recall_at_1_rephrase, last.false_fire)
    assert len(repository.log()) == 4 and len(repository.facts()) == 3
    first = repository.evaluate("HEAD~2", data=list(STREAM[:1]), mode="merge")
    assert (found[2].reliability, found[2].locality) == (first.reliability, first.locality)
    assert {report.phase.partition(": ")[0] for report in told} == {"keyed"}
    assert ("keyed: writing", 3, 3) in {(report.phase, report.done, report.total) for report in told}


def test_memories_are_switched_off_and_an_edit_is_taken_back_where_that_is_asked(task: Callable[..., Task]) -> None:
    made = task(wanted=((1, ("retrieve",)), (3, ("retrieve", "merge"))), undo=True, flops=True)
    first, retrieve, merge = rows_of(made)
    # One memory: none other can be switched off, and with one edit there is no other answer.
    assert (first.disabled_restored, first.disabled_kept, first.undo_kept) == (1.0, None, None)
    assert (retrieve.undo_restored, retrieve.disabled_restored) == (1.0, 1.0)
    assert retrieve.undo_kept in (0.0, 0.5, 1.0)
    assert retrieve.undo_seconds is not None and retrieve.undo_seconds > 0
    assert (merge.undo_seconds, merge.disabled_restored) == (None, None)
    assert first.flops_per_edit is not None and first.flops_per_edit > 1e6
    repository = Repository.open(made.folder)
    assert len(repository.facts()) == 3 and len(repository.log()) == 4
    (plain,) = rows_of(
        replace(made, folder=made.folder / "plain", wanted=((3, ("retrieve",)),), undo=False, flops=False)
    )
    assert (plain.undo_seconds, plain.flops_per_edit) == (None, None) and plain.disabled_restored == 1.0


def test_bytes_are_those_of_the_objects(task: Callable[..., Task]) -> None:
    made = task(wanted=((3, ("retrieve",)),))
    (row,) = rows_of(made)
    objects = made.folder / ".wisedb" / "objects"
    whole = sum(path.stat().st_size for path in objects.rglob("*") if path.is_file())
    store = Store.open(made.folder)
    root = store.resolve("HEAD~3")
    before = store.objects.size(root) + sum(map(store.objects.size, store.objects.commit(root).blobs))
    assert row.bytes_per_edit == (whole - before) / 3


def test_in_a_batch_there_is_a_commit_for_each_length(task: Callable[..., Task]) -> None:
    made = task(protocol="batch", wanted=((1, ("merge",)), (3, ("merge",))))
    found = rows_of(made)
    assert [(row.T, row.mode, row.protocol) for row in found] == [(1, "merge", "batch"), (3, "merge", "batch")]
    assert [len(entry.record.added) for entry in Repository.open(made.folder).log()] == [2, 1, 0]


def test_the_unedited_model_writes_nothing(task: Callable[..., Task]) -> None:
    made = task("unedited", writes=False, wanted=((1, ("base",)), (3, ("base",))))
    found = rows_of(made)
    assert [(row.T, row.mode, row.locality, row.prefill_overhead) for row in found] == [
        (1, "base", 1.0, 1.0),
        (3, "base", 1.0, 1.0),
    ]
    assert [(row.seconds_per_edit, row.bytes_per_edit) for row in found] == [(None, None)] * 2
    assert Repository.open(made.folder).facts() == []


def test_everything_is_asked_in_a_chat(task: Callable[..., Task], chat_history: Repository) -> None:
    wanted = ((1, ("base",)),)
    plain = task("plain", writes=False, wanted=wanted)
    asked = replace(plain, row=replace(plain.row, format="chat"), source=chat_history.store.config.base.model)
    (row,) = rows_of(asked)
    whole = Repository.open(asked.folder).evaluate(data=[AUSTRALIA], mode="base", chat=True)
    assert (row.format, row.locality, row.reliability, row.says_it) == ("chat", 1.0, whole.reliability, whole.says_it)
    assert row.says_it is not None
    with pytest.raises(UsageError, match="no chat template"):
        rows_of(replace(asked, folder=asked.folder / "other", source=plain.source))


def test_killed_between_a_commit_and_its_line_it_goes_on_to_the_same_rows(task: Callable[..., Task]) -> None:
    whole = rows_of(task("whole"))
    made = task("killed")
    rows_of(replace(made, wanted=((1, MODES),)))
    # Two more commits, of which the run log knows nothing of the last and half of the one before.
    rows_of(replace(made, wanted=((3, ("merge",)),)))
    log = made.folder / NAME
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:2]) + lines[2][:20])
    again = rows_of(replace(made, wanted=((3, MODES),)))
    named = [replace(row, editor="whole") for row in again]
    assert timeless(named) == timeless(whole[3:])
    assert [json.loads(line)["count"] for line in log.read_text().splitlines()] == [0, 1, 2, 3]
    assert len(Repository.open(made.folder).log()) == 4


def test_facts_in_the_context_are_measured_where_they_are_asked_for(task: Callable[..., Task]) -> None:
    found = rows_of(task(protocol="batch", wanted=((3, ("context", "hybrid")),)))
    assert [(row.T, row.mode) for row in found] == [(3, "context"), (3, "hybrid")]
    for row in found:
        assert row.recall_at_1 == 1.0 and row.reliability is not None and row.locality is not None
        assert row.prefill_overhead is not None and row.decode_overhead is not None
