"""The progress bar: phase, bar, loss and the seconds left, on stderr, only where a terminal shows it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import render

if TYPE_CHECKING:
    from rich.progress import TaskID

    from wisedb.progress import Listener, Progress


@contextmanager
def listener() -> Iterator[Listener | None]:
    """Yield a listener for the library's progress reports; ``None`` when stderr is not a terminal.

    The bar appears with the first report and is gone when the work is done, so that quick work shows nothing.
    """
    if not sys.stderr.isatty():
        yield None
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


def _count(report: Progress) -> str:
    if report.unit == "B":
        return f"{render.size(report.done)} of {render.size(report.total)}"
    return f"{report.done}/{report.total}"
