"""The first thing that runs: what must be so before anything else is imported.

Nothing is imported here that takes time: who presses Ctrl-C while the command line loads is answered too.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

_INTERRUPTED: Final = 130
_SAID: Final = b"error: interrupted\nhint: Nothing had begun; run it again when you like.\n"
_SAID_JSON: Final = (
    b'{"error": {"kind": "interrupted", "message": "interrupted", "hint": "Nothing had begun; run it again when you'
    b' like."}}\n'
)


def main() -> NoReturn:
    """The entry point of the ``wisedb`` command."""
    open_descriptors()
    # Who starts a job in the background has it ignore Ctrl-C; that stays so.
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        signal.signal(signal.SIGINT, _stop)
    from .main import main as begin

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    begin()


def open_descriptors() -> None:
    """Give a closed stdin, stdout or stderr the null device, as git does.

    The next file that is opened would get the number otherwise: a lock, or a ref, into which an answer is then printed.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            handle = os.open(os.devnull, mode)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _stop(number: int, frame: FrameType | None) -> None:
    # Not an exception: whoever is being imported might take it for a failure of his own.
    told = _SAID_JSON if "--json" in sys.argv[1:] else _SAID
    try:
        os.write(2, told)
    except OSError:
        pass
    os._exit(_INTERRUPTED)
