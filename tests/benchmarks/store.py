"""How long questions about a long history take, through the ``wisedb`` command, process start included.

    python -m tests.benchmarks.store

A synthetic store is written (with the defaults 10,000 commits, 100,000 edits, 740 MB; a few minutes) and indexed; then
each command is run several times. Wall times are of this machine and of whatever else it does; what a command costs is
the time that it keeps a processor busy (``user+sys``).
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any

import click

from tests.store.index.synthetic import grow

PROMPT = "What is the capital of Land70 in the year 70?"
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("log", "-n", "20"),
    ("log", "-n", "20", "--json"),
    ("blame", PROMPT),
    ("blame", PROMPT, "--json"),
    ("search", "Land777"),
    ("search", "Land777", "--json"),
    ("facts",),
    ("facts", "--json"),
    ("search", "ticket"),
    ("search", "ticket", "--json"),
)
ON_A_TERMINAL = (("log", "-n", "20"), ("facts",))


def measure(words: tuple[str, ...], store: Path, repeat: int, cache: Path, *, terminal: bool = False) -> dict[str, Any]:
    """Run a command ``repeat`` times, and once before to fill the caches; times in seconds."""
    walls, busy, size = [], [], 0
    for turn in range(repeat + 1):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        size = _run(words, store, cache, terminal=terminal)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if turn:
            walls.append(wall)
            busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {
        "command": " ".join(f'"{word}"' if " " in word else word for word in words),
        "terminal": terminal,
        "wall_min": min(walls),
        "wall_median": statistics.median(walls),
        "cpu_min": min(busy),
        "cpu_median": statistics.median(busy),
        "bytes": size,
    }


def _run(words: tuple[str, ...], store: Path, cache: Path, *, terminal: bool) -> int:
    """Run a command and return how many bytes it wrote."""
    program = [str(Path(sys.executable).with_name("wisedb")), "-C", str(store), *words]
    with _sink(terminal=terminal) as (stdout, written):
        done = subprocess.run(program, stdout=stdout, env=_environment(cache), check=False)
    if done.returncode:
        raise click.ClickException(f"wisedb {' '.join(words)} failed")
    return written[0]


@contextmanager
def _sink(*, terminal: bool) -> Iterator[tuple[int, list[int]]]:
    """Something to write to, and what was written: a pipe, or a terminal of the usual size."""
    inner, outer = os.openpty() if terminal else os.pipe()
    written = [0]

    def drain() -> None:
        try:
            while data := os.read(inner, 1 << 16):
                written[0] += len(data)
        except OSError:
            return  # how a terminal ends

    reader = Thread(target=drain)
    reader.start()
    try:
        yield outer, written
    finally:
        os.close(outer)
        reader.join()
        os.close(inner)


def _environment(cache: Path) -> Mapping[str, str]:
    # As an installed program: with compiled modules, wherever the source lies.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(cache), "COLUMNS": "120", "TERM": "xterm"}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| `wisedb …` | wall, s | median | user+sys, s | output, kB |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        command = f"`{row['command']}`" + (", on a terminal" if row["terminal"] else "")
        figures = (f"{row['wall_min']:.2f}", f"{row['wall_median']:.2f}", f"{row['cpu_min']:.2f}")
        lines.append(f"| {command} | {' | '.join(figures)} | {row['bytes'] / 1000:,.0f} |")
    return "\n".join(lines)


@contextmanager
def _store(folder: Path | None, commits: int, edits: int) -> Iterator[Path]:
    if folder is not None and folder.exists():
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        click.echo(f"writing {commits} commits of {edits} edits", err=True)
        grow(place, commits, edits).index.rebuild()
        yield place


@click.command()
@click.option("--store", type=click.Path(path_type=Path), default=None, help="Keep the store here, or use this one.")
@click.option("--commits", default=10_000)
@click.option("--edits", default=10, help="Edits a commit.")
@click.option("--repeat", default=7)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/benchmarks"), help="Where store.json goes.")
def main(store: Path | None, commits: int, edits: int, repeat: int, out: Path) -> None:
    """Measure, write store.json, print a table."""
    load = os.getloadavg()[0]
    with _store(store, commits, edits) as folder, tempfile.TemporaryDirectory() as cache:
        rows = [measure(words, folder, repeat, Path(cache)) for words in COMMANDS]
        rows += [measure(words, folder, repeat, Path(cache), terminal=True) for words in ON_A_TERMINAL]
    result = {
        "commits": commits,
        "edits": commits * edits,
        "repeat": repeat,
        "rows": rows,
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "load_before": load,
        "versions": {package: version(package) for package in ("wisedb", "duckdb")}
        | {"python": platform.python_version()},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "store.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    click.echo(table(rows))


if __name__ == "__main__":
    main()
