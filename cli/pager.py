"""A pager for what is longer than the screen, as git has one."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from wisedb.preferences import PAGER, Preference

_NONE = ("", "cat")


class _Page(io.TextIOWrapper):
    """What the pager reads: it stands for the terminal, so that colours and folding are the same."""

    def isatty(self) -> bool:
        return True


def chosen(preferences: Mapping[str, Preference], environment: Mapping[str, str]) -> str | None:
    """The pager's command line: ``WISEDB_PAGER``, ``core.pager``, ``PAGER``, else ``less``.

    ``None`` where it is empty, ``cat`` or false, and where there is no such program.
    """
    named = environment.get("WISEDB_PAGER", preferences.get(PAGER, environment.get("PAGER", "less")))
    command = str(named).strip()
    if named is False or command in _NONE or shutil.which(command.split()[0]) is None:
        return None
    return command


@contextmanager
def paged(preferences: Mapping[str, Preference] | None) -> Iterator[None]:
    """Send stdout through a pager inside the ``with``, where it is a terminal.

    Args:
        preferences: those that count; ``None`` for no pager in any case.
    """
    command = None if preferences is None or not sys.stdout.isatty() else chosen(preferences, os.environ)
    if command is None:
        yield
        return
    # As git: colours as they are, and no pager where all fits on the screen.
    environment = {"LESS": "FRX", "LV": "-c", **os.environ}
    # Here: most commands need none.
    import subprocess

    with subprocess.Popen(command, shell=True, stdin=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        terminal, page = sys.stdout, _Page(process.stdin, encoding="utf-8", errors="backslashreplace")
        sys.stdout = page
        try:
            # Who has seen enough ends the pager: no failure.
            with suppress(BrokenPipeError):
                yield
        finally:
            sys.stdout = terminal
            with suppress(BrokenPipeError):
                page.close()
