"""How far long work is, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from . import render

if TYPE_CHECKING:
    from rich.progress import TaskID

    from wisedb.progress import Listener, Progress


EVERY: Final = 10.0
"""Seconds between two lines where no terminal shows a bar."""


@contextmanager
def listener(*, verbose: bool = False, every: float = EVERY) -> Iterator[Listener]:
    """Yield a listener for the library's progress reports.

    On a terminal it draws a bar that appears with the first report and is gone when the work is done, so that quick
    work shows nothing. Elsewhere it says a line every ten seconds, whether reports come or not.

    Args:
        verbose: say each phase as it begins, too.
        every: seconds between two lines.
    """
    if not sys.stderr.isatty():
        with _lines(verbose, every) as teller:
            yield teller
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def listen(report: Progress) -> None:
        if not tasks:
            bar.start()
        if report.phase not in tasks:
            for finished in tasks.values():
                bar.update(finished, visible=False)
            tasks[report.phase] = bar.add_task(report.phase, total=report.total, loss="", count="")
        loss = "" if report.loss is None else f"loss {report.loss:.3f}"
        bar.update(
            tasks[report.phase],
            completed=report.done,
            total=report.total,
            loss=loss,
            count=_count(report),
            visible=True,
        )

    try:
        yield listen
    finally:
        bar.stop()


@contextmanager
def _lines(verbose: bool, every: float) -> Iterator[Listener]:
    began = time.monotonic()
    newest: list[Progress] = []
    ended = threading.Event()

    def say() -> None:
        what = f"{newest[-1].phase} {_count(newest[-1])}" if newest else "working"
        # One write: two threads may have something to say.
        sys.stderr.write(f"{what}, {time.monotonic() - began:.0f} s\n")
        sys.stderr.flush()

    def listen(report: Progress) -> None:
        begins = not newest or newest[-1].phase != report.phase
        newest[:] = [report]
        if verbose and begins:
            say()

    def remind() -> None:
        while not ended.wait(every):
            say()

    # A step may take minutes between two reports: somebody else keeps the time.
    clock = threading.Thread(target=remind, name="wisedb-progress", daemon=True)
    clock.start()
    try:
        yield listen
    finally:
        ended.set()
        clock.join()


def _count(report: Progress) -> str:
    if report.unit == "B":
        return f"{render.size(report.done)} of {render.size(report.total)}"
    return f"{report.done}/{report.total}"
