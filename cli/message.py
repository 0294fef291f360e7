"""A commit's message: from -m, from a file, or written in an editor as git asks for one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wisedb.errors import InputError
from wisedb.preferences import EDITOR

from .session import Session

if TYPE_CHECKING:
    from wisedb.edits import Edit

NO_MESSAGE = "a commit needs a message: give -m MSG, or name an editor in EDITOR"

_ASKED = """
# Say why, in a first line and, if you like, more below an empty one. Lines that begin with # are left out, and an empty
# message makes no commit.
#
"""


def message_of(session: Session, given: tuple[str, ...], file: Path | None) -> str | None:
    """The message that a call gives, ``None`` where it gives none. Several -m are paragraphs.

    Raises:
        InputError: the file can't be read.
        click.UsageError: both are given.
    """
    if given and file is not None:
        raise click.UsageError("--message and --file exclude each other")
    if given:
        return "\n\n".join(given)
    if file is None:
        return None
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the message {file} can't be read: {error}", hint="Give a text file in UTF-8.") from error


def written_message(session: Session, edits: Iterable[Edit], old: str = "") -> str:
    """The message that a person writes in an editor: ``WISEDB_EDITOR``, core.editor, ``VISUAL``, ``EDITOR``, or vi.

    Args:
        session: whose preferences count.
        edits: what the commit brings, told in comments.
        old: what stands there to begin with.

    Raises:
        click.UsageError: nobody can be asked: there is no terminal, and no editor is named.
        InputError: the message is empty.
    """
    program = named_editor(session)
    if program is None and not has_terminal():
        raise click.UsageError(NO_MESSAGE)
    listed = "".join(f"#   {edit.shown} {edit.target}\n".replace("\r", " ") for edit in edits)
    text = click.edit(f"{old.rstrip()}\n{_ASKED}# What it brings:\n{listed}", editor=program, require_save=False)
    lines = [line.rstrip() for line in (text or "").splitlines() if not line.startswith("#")]
    message = "\n".join(lines).strip()
    if not message:
        raise InputError("the message is empty: no commit was made", hint="Write why, or give -m MSG.")
    return message


def named_editor(session: Session) -> str | None:
    """The program that a person writes messages in, ``None`` where none is named."""
    named = os.environ.get("WISEDB_EDITOR") or session.preferences.get(EDITOR)
    return str(named) if named else os.environ.get("VISUAL") or os.environ.get("EDITOR") or None


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
