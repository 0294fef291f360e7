"""Programs are called without a shell, and are missed in a line."""

from __future__ import annotations

import sys

import pytest

from wisedb.errors import SigningFailed
from wisedb.signing.tools import call


def test_words_are_words_and_bytes_are_bytes() -> None:
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read() + sys.argv[1].encode()); sys.exit(3)"
    said = call([sys.executable, "-c", code, "$(x); `y`"], b"\x00in ")
    assert (said.code, said.out) == (3, b"\x00in $(x); `y`")


def test_the_last_line_of_a_complaint() -> None:
    said = call([sys.executable, "-c", "import sys; print('one\\ntwo \\n', file=sys.stderr)"], b"")
    assert said.last_line == "two"
    assert call([sys.executable, "-c", ""], b"").last_line == "it said nothing"


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(SigningFailed, match="no-such-program can't be run"):
        call(["no-such-program"], b"")
