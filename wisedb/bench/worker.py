"""One editor's part of a comparison: write the stream into a store of its own, measure it at every T.

It runs as a process of its own (``python -m wisedb.bench.worker``), so that its peak memory is that editor's
and nobody else's. It reads one :class:`~wisedb.bench.task.Task` as JSON from stdin and writes JSON lines to
stdout: ``{"progress": …}``, ``{"row": …}``, and at its end ``{"done": true}`` or ``{"error": …}``. It ends with the
process that started it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from typing import Any, Final

from torch.utils.flop_counter import FlopCounterMode

from wisedb.bench.environment import peak_rss
from wisedb.bench.latency import overhead
from wisedb.bench.leaks import Leaks, leaks
from wisedb.bench.results import Row
from wisedb.bench.run_log import Entry, RunLog
from wisedb.bench.task import Task
from wisedb.bench.undo import undo
from wisedb.editors.registry import bind
from wisedb.edits import Edit
from wisedb.errors import WisedbError
from wisedb.model.base import LoadedBase, accelerator
from wisedb.progress import Listener, Progress
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.disable import disable
from wisedb.serving.evaluate import evaluate
from wisedb.serving.evaluation import Evaluation
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.resources import StoreResources
from wisedb.serving.store_base import load_base_of
from wisedb.store.commits import Commit
from wisedb.store.lock import StoreLock
from wisedb.store.places import FOLDER
from wisedb.store.signature import Signature
from wisedb.store.store import Store
from wisedb.versioning.commit import commit_edits
from wisedb.versioning.init import init
from wisedb.versioning.proposal import CommitResult

AUTHOR: Final = "wisedb bench"

# A worker whose starter was killed needs a moment until it notices.
_PATIENCE = 30.0


def work(task: Task, emit: Callable[[Row], None], progress: Listener | None = None) -> None:
    """Do a task, going on where an earlier run of it stopped.

    Args:
        task: the task.
        emit: takes each row as soon as it is measured.
        progress: is told about it; the editor's name stands before each phase.

    Raises:
        StoreBusy: another process works in the folder.
        WisedbError: as :func:`wisedb.versioning.init.init`, :func:`wisedb.versioning.commit.commit_edits` and
            :func:`wisedb.serving.evaluate.evaluate`.
    """
    task.folder.mkdir(parents=True, exist_ok=True)
    with StoreLock(task.folder / "lock", timeout=_PATIENCE).hold("bench"):
        listen = _named(task.row.editor, progress)
        store, base = _opened(task, listen)
        log = RunLog(task.folder, store)
        for length, modes in task.wanted:
            if not task.writes:
                emit(_unedited(task, store, base, length, listen))
                continue
            entry = log.at(length) or _write(task, store, base, log, length, listen)
            for row in _measured(task, store, base, log, entry, modes, listen):
                emit(row)


def _opened(task: Task, progress: Listener | None) -> tuple[Store, LoadedBase]:
    if (task.folder / FOLDER).exists():
        store = Store.open(task.folder)
        return store, load_base_of(store, **accelerator())
    return init(
        task.folder,
        task.source,
        revision=task.revision,
        target=task.target,
        editor=task.editor,
        settings=task.settings,
        seed=task.row.seed,
        pool=task.pool,
        author=AUTHOR,
        progress=progress,
        **accelerator(),
    )


def _write(task: Task, store: Store, base: LoadedBase, log: RunLog, length: int, progress: Listener | None) -> Entry:
    """Write the stream up to a length, from where it is."""
    alone = task.row.protocol == "one-by-one"
    while (start := log.last.count) < length:
        end = start + 1 if alone else length
        watch = _Training(None if alone else progress, start, task.wanted[-1][0])
        counter = FlopCounterMode(display=False) if task.flops else None
        with counter or nullcontext():
            made = commit_edits(
                store,
                base,
                task.stream[start:end],
                Signature(f"Edits {start + 1} to {end} of the stream" if end > start + 1 else f"Edit {end}", AUTHOR),
                progress=watch,
            )
        counted = None if counter is None else counter.get_total_flops()
        log.add(end, made.commit, watch.seconds(made), peak_rss(), counted)
        if progress is not None:
            progress(Progress("writing", end, task.wanted[-1][0], watch.loss))
    return log.last


def _unedited(task: Task, store: Store, base: LoadedBase, length: int, progress: Listener | None) -> Row:
    stream = task.stream[:length]
    leaked = _leaks(store, base, stream)
    chat = task.row.format == "chat"
    found = evaluate(store, base, data=stream, mode="base", leave_out=leaked.prompts, chat=chat, progress=progress)
    return replace(
        _with(task.row, found, leaked),
        T=length,
        mode="base",
        prefill_overhead=1.0,
        decode_overhead=1.0,
        peak_rss_bytes=peak_rss(),
    )


def _measured(
    task: Task,
    store: Store,
    base: LoadedBase,
    log: RunLog,
    entry: Entry,
    modes: Iterable[str],
    progress: Listener | None,
) -> Iterable[Row]:
    """The rows of a commit in these modes."""
    stream = task.stream[: entry.count]
    leaked = _leaks(store, base, stream)
    chat = task.row.format == "chat"
    flops = log.flops(entry.count)
    cost = replace(
        task.row,
        T=entry.count,
        seconds_per_edit=log.seconds(entry.count) / entry.count,
        bytes_per_edit=log.bytes(entry.count) / entry.count,
        flops_per_edit=None if flops is None else flops / entry.count,
    )
    peak = log.peak(entry.count)
    commit = store.objects.commit(entry.commit)
    asked = set(modes)
    each = {"retrieve": ("retrieve", "oracle"), **{mode: (mode,) for mode in ("merge", "context", "hybrid")}}
    for mode, rows in each.items():
        if asked.isdisjoint(rows):
            continue
        found = evaluate(
            store, base, entry.commit, stream, mode, leave_out=leaked.prompts, chat=chat, progress=progress
        )
        if mode in asked:
            cost = replace(cost, peak_rss_bytes=max(peak, peak_rss()))
            took = overhead(store, base, commit, mode, [edit.prompt for edit in stream], progress=progress)
            row = replace(
                _with(cost, found, leaked), mode=mode, prefill_overhead=took.prefill, decode_overhead=took.decode
            )
            yield _taken_back(task, store, base, commit, entry, row, progress) if mode == "retrieve" else row
        if mode == "retrieve" and "oracle" in asked:
            yield replace(
                cost,
                mode="oracle",
                reliability=found.oracle["reliability"],
                generalization=found.oracle["generalization"],
                peak_rss_bytes=max(peak, peak_rss()),
                leaked_rephrases=leaked.rephrases,
            )


def _taken_back(
    task: Task, store: Store, base: LoadedBase, commit: Commit, entry: Entry, row: Row, progress: Listener | None
) -> Row:
    """The row with what switching memories off, and reverting an edit, does."""
    stream, chat = task.stream[: entry.count], task.row.format == "chat"
    off = disable(base, read_memories(store.objects, commit.memories), stream, task.row.seed, chat=chat)
    if off is not None:
        row = replace(row, disabled_restored=off.restored, disabled_kept=off.kept)
    if not task.undo:
        return row
    back = undo(store, base, entry.commit, stream, task.row.seed, AUTHOR, chat=chat, progress=progress)
    return replace(row, undo_seconds=back.seconds, undo_restored=float(back.restored), undo_kept=back.kept)


def _leaks(store: Store, base: LoadedBase, stream: Sequence[Edit]) -> Leaks:
    """What these edits can't be measured by: the editor may have trained its words."""
    choice = store.config.editor
    resources = StoreResources(base, store.config.base, PendingBlobs(store.blob_cache), choice.resources)
    return leaks(stream, bind(choice).made_prompts(base, resources, stream))


def _with(row: Row, found: Evaluation, leaked: Leaks) -> Row:
    return replace(
        row,
        reliability=found.reliability,
        generalization=found.generalization,
        locality=found.locality,
        exact_match=found.exact_match,
        exact_match_rephrase=found.exact_match_rephrase,
        recall_at_1=found.recall_at_1,
        recall_at_1_rephrase=found.recall_at_1_rephrase,
        false_fire=None if found.mode == "base" else found.false_fire,
        leaked_rephrases=leaked.rephrases,
        leaked_locality=leaked.locality,
        says_it=found.says_it,
        says_it_rephrase=found.says_it_rephrase,
        portability=found.portability,
        exact_match_portability=found.exact_match_portability,
        forced_agreement=None if found.forced is None else found.forced.agreement,
        forced_perplexity=None if found.forced is None else found.forced.perplexity,
        base_perplexity=None if found.forced is None else found.forced.base_perplexity,
        text_agreement=None if found.text is None else found.text.agreement,
        text_perplexity=None if found.text is None else found.text.perplexity,
        right_by_text=found.right_by_text,
        right_by_text_rephrase=found.right_by_text_rephrase,
    )


class _Training:
    """Listens to one commit: counts what was trained for it, and passes the count on as a part of the stream.

    Args:
        listener: told how many edits of the stream are written.
        before: edits that were written before the commit.
        total: edits that will be written.
    """

    def __init__(self, listener: Listener | None, before: int, total: int) -> None:
        self._listener, self._before, self._total = listener, before, total
        self._trained = 0
        self.loss: float | None = None

    def __call__(self, report: Progress) -> None:
        if report.phase != "training":
            return
        self._trained, self.loss = max(self._trained, report.total), report.loss
        if self._listener is not None:
            done = min(self._before + report.done, self._total)
            self._listener(Progress("writing", done, self._total, report.loss))

    def seconds(self, made: CommitResult) -> float:
        """Of training: edits of the stream that were trained once more for it are in it."""
        return made.seconds_per_edit * (self._trained or len(made.added))


def _named(editor: str, listener: Listener | None) -> Listener | None:
    if listener is None:
        return None
    told = listener
    return lambda report: told(replace(report, phase=f"{editor}: {report.phase}"))


def main() -> None:
    """Read a task from stdin, do it, and report on stdout."""
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not come between the reports
    task = Task.from_json(json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with, args=(sys.stdin.fileno(),), daemon=True).start()

    def send(**message: Any) -> None:
        lines.write(json.dumps(message).encode() + b"\n")
        lines.flush()

    try:
        work(task, lambda row: send(row=row.to_json()), lambda report: send(progress=asdict(report)))
    except WisedbError as error:
        send(error=error.to_json())
    else:
        send(done=True)


def _end_with(starter: int) -> None:
    # stdin ends when the process that holds its other end does, however that died. Read below Python's buffers: at its
    # end the interpreter aborts where a thread still holds one.
    while os.read(starter, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
