"""How a failure is told: one line and a hint, or one JSON document, and an exit code."""

from __future__ import annotations

import errno
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import click

from wisedb.errors import BadRecord, WisedbError, WisedbWarning

from . import render
from .session import Session


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, for people and for machines.

    Attributes:
        kind: a stable word for machines.
        message: one line.
        hint: what to do about it, or the empty string.
        exit_code: 1 for a checked failure, 2 for a wrong call, 130 for an interruption.
    """

    kind: str
    message: str
    hint: str
    exit_code: int = 1


class Interrupted(Exception):
    """The user pressed Ctrl-C.

    Args:
        moved: how many refs had moved by then.
    """

    def __init__(self, moved: int = 0) -> None:
        super().__init__()
        self.moved = moved


_LISTED = 20
"""How many bad records of a file are listed."""

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}


def describe(error: BaseException) -> Failure:
    """Say what ``error`` means to the user."""
    match error:
        case WisedbError():
            return Failure(error.kind, error.message, error.hint, error.exit_code)
        case click.UsageError():
            return Failure("usage", _one_line(_usage_message(error)), _usage_hint(error), 2)
        case click.ClickException():
            return Failure("input", _one_line(error.format_message()), "", error.exit_code)
        case Interrupted(moved=moved) if moved:
            done = render.plural(moved, "ref")
            return Failure(
                "interrupted", f"interrupted after {done} had moved", "`wisedb reflog` shows what is done.", 130
            )
        case Interrupted() | KeyboardInterrupt() | click.Abort():
            return Failure(
                "interrupted", "interrupted", "The store is as it was before; run it again when you like.", 130
            )
        case OSError():
            return _describe_os(error)
        case UnicodeError():
            return Failure("input", "the text is not valid Unicode", "Give prompts and files in UTF-8.")
        case MemoryError():
            return Failure("out-of-memory", "there is not enough memory", "Use a smaller model, or a larger machine.")
        case _:
            return Failure(
                "internal",
                f"internal error: {type(error).__name__}: {_one_line(str(error))}",
                "This is a fault of wisedb; 'wisedb --debug …' shows where it happened.",
            )


def _describe_os(error: OSError) -> Failure:
    where = f": {error.filename}" if error.filename is not None else ""
    if error.errno in _DISK_FULL:
        return Failure("no-space", f"no space left on the disk{where}", "Free some space and run it again.")
    if error.errno in _NOT_WRITABLE:
        hint = "Check who may write there, or work on a copy."
        return Failure("store-not-writable", f"{_one_line(error.strerror or 'not permitted')}{where}", hint)
    message = f"{error.strerror}{where}" if error.strerror else str(error)
    return Failure("io", _one_line(message), "Check the path; 'wisedb --debug …' shows where it was used.")


def _usage_message(error: click.UsageError) -> str:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return "no command given"
    return error.format_message().rstrip(".")


def _usage_hint(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else "wisedb"
    possible = getattr(error, "possibilities", None)
    if possible:
        return f"Did you mean {' or '.join(sorted(possible))}? See '{path} --help'."
    return f"See '{path} --help'."


def _one_line(text: str) -> str:
    return render.clean(" ".join(text.split()))


def report(error: BaseException, *, as_json: bool, debug: bool) -> int:
    """Print ``error`` to stderr and return the exit code."""
    if debug:
        traceback.print_exception(error)
    failure = describe(error)
    records = error.all if isinstance(error, BadRecord) else ()
    if as_json:
        document: dict[str, Any] = {"kind": failure.kind, "message": failure.message, "hint": failure.hint}
        if records:
            document["records"] = [each.details() for each in records]
        _say(json.dumps({"error": document}))
    else:
        _say(f"error: {failure.message}", style="red")
        for each in records[1:_LISTED]:
            _say(f"       {_one_line(str(each))}")
        if len(records) > _LISTED:
            _say(f"       … and {len(records) - _LISTED:,} more")
        if failure.hint:
            _say(f"hint: {failure.hint}", style="dim")
    return failure.exit_code


def show_warning(
    session: Session,
    others: Callable[..., None],
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of wisedb to stderr as one line; in the place of :func:`warnings.showwarning`.

    Args:
        session: whether the answer is to be JSON.
        others: shows other warnings.
        message, category, filename, lineno, file, line: as for :func:`warnings.showwarning`.
    """
    if not issubclass(category, WisedbWarning):
        others(message, category, filename, lineno, file, line)
    elif session.as_json:
        _say(json.dumps({"warning": {"message": _one_line(str(message))}}))
    else:
        _say(f"warning: {_one_line(str(message))}", style="yellow")


def _say(text: str, style: str = "") -> None:
    word, colon, rest = text.partition(":")
    render.show([render.line((word + colon, style), rest) if style else text], sys.stderr)


def wants(flag: str, arguments: Sequence[str]) -> bool:
    """Whether ``flag`` is among the arguments, before a ``--``: a wrong call is reported before it is parsed."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return flag in own
