"""Calls of the programs that sign and check. They are given bytes and files, and never a shell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wisedb.errors import SigningFailed


@dataclass(frozen=True, slots=True)
class Said:
    """What a program answered.

    Attributes:
        code: its exit code.
        out: what it wrote to stdout.
        err: what it wrote to stderr, as text.
    """

    code: int
    out: bytes
    err: str

    @property
    def last_line(self) -> str:
        """The last line of what it complained of."""
        return next((line.strip() for line in reversed(self.err.splitlines()) if line.strip()), "it said nothing")


def call(words: Sequence[str | Path], given: bytes) -> Said:
    """Run a program, with UTC as its zone and English as its language, so that its answers can be read.

    Raises:
        SigningFailed: there is no such program.
    """
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [str(word) for word in words], input=given, capture_output=True, check=False, env=environment
        )
    except OSError as error:
        raise SigningFailed(
            f"{words[0]} can't be run: {error.strerror}",
            hint="Install OpenSSH (8.9 or later) or GnuPG, or name it: `wisedb config --global gpg.program PATH`.",
        ) from error
    return Said(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
