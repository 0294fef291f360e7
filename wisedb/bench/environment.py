"""On what a comparison runs: machine, versions, engine, memory. No torch."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import sys
from functools import cache
from pathlib import Path

from wisedb.canonical import digest

_PACKAGES = ("wisedb", "torch", "transformers")
_ENGINE = ("editors", "memory")


@cache
def machine() -> str:
    """Architecture, processor and cores in one line; nothing that names the machine or its owner."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.get("OMP_NUM_THREADS")
    parts = [f"{platform.system()} {platform.machine()}", _processor(), f"{cores} cores"]
    if threads:
        parts.append(f"OMP_NUM_THREADS={threads}")
    return ", ".join(part for part in parts if part)


def versions() -> dict[str, str]:
    """Of Python and of the packages on which the figures hang."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in _PACKAGES}}


@cache
def engine() -> str:
    """SHA-256 over the sources of the editors and of the memory: rows of different ones don't go into one table."""
    package = Path(__file__).parents[1]
    files = sorted(file for name in _ENGINE for file in (package / name).rglob("*.py"))
    return digest(b"".join(file.relative_to(package).as_posix().encode() + file.read_bytes() for file in files))


def peak_rss() -> int:
    """The most physical memory that this process has held so far, in bytes; a GPU's memory is not in it."""
    # Linux hands getrusage's figure down from the process that started this one; VmHWM is its own.
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor()
