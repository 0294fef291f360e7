"""Command lines in this process, where a model's libraries are loaded already: for what needs no process of its own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

from wisedb.cli import main


def run_inside(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], *, together: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the words after ``wisedb`` as a process of its own would, but for the start.

    Args:
        words: the words.
        folder: the working directory.
        environment: all of the environment.
        together: whether what goes to stderr comes in its order among what goes to stdout.
    """
    out = io.StringIO()
    err = out if together else io.StringIO()
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, environment, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main.run(words)
    return subprocess.CompletedProcess(list(words), code, out.getvalue(), "" if together else err.getvalue())
