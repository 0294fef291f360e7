"""A worker's process, as the process that started it sees it. No torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from wisedb.bench.task import Task
from wisedb.errors import WisedbError

WORKER: Final = "wisedb.bench.worker"

_HINT: Final = (
    "With --out DIR all that it said is in DIR/work/EDITOR/worker.log, and running it again goes on from there."
)


def messages(task: Task, log: Path) -> Generator[dict[str, Any], None, None]:
    """Start a worker on a task and yield what it says; it is gone when the iteration ends, however that ends.

    Args:
        task: the task.
        log: the file that takes the worker's stderr.

    Raises:
        WisedbError: what went wrong in the worker, of the class that it had there, or that it died.
    """
    # The worker finds every module where this process does, and none that only lies in the working directory.
    paths = os.pathsep.join(path for path in sys.path if path)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": paths},
        )
    assert process.stdin is not None and process.stdout is not None
    finished = False
    try:
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(task.to_json()).encode() + b"\n")
            process.stdin.flush()
        for line in process.stdout:
            message = json.loads(line)
            if "error" in message:
                raise _revived(message["error"])
            if "done" in message:
                finished = True
            else:
                yield message
        code = process.wait()
        if not finished:
            raise WisedbError(_death(code, log), hint=_HINT)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()


def _revived(error: dict[str, str]) -> WisedbError:
    """The error as the class whose kind it has, so that it ends as it would have here."""
    classes: list[type[WisedbError]] = [WisedbError]
    for known in classes:
        classes += known.__subclasses__()
        # Some classes build their message themselves; the message is all that is left of those.
        if known.kind == error["kind"] and known.__init__ is WisedbError.__init__:
            return known(error["message"], hint=error["hint"])
    return WisedbError(error["message"], hint=error["hint"])


def _death(code: int, log: Path) -> str:
    if code < 0:
        return f"the process of the editor was killed by signal {-code}; was there enough memory?"
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"the process of the editor failed: {words[-1].strip() if words else f'exit code {code}'}"
