"""``wisedb status``: what the next commit takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import render
from .options import command
from .refs import apart
from .session import Session


@command("wisedb status", "wisedb status --json")
def status(session: Session) -> None:
    """Show the branch, what is staged, and the health of the index."""
    session.show(session.repository().status().to_json(), situation)


def situation(status: Mapping[str, Any]) -> render.Lines:
    """The branch and what is staged."""
    head = status["head"]
    where = f"On branch {status['branch']}" if status["branch"] else "On no branch"
    yield render.line(where, ", at " if head else ", no commit yet", render.ident(head) if head else None)
    if status.get("upstream"):
        yield render.line(("upstream: ", "dim"), apart(status))
    if status["index"] not in ("ok", "caught-up"):  # what a person can do nothing about, and needn't
        yield render.line(("index: ", "dim"), status["index"])
    staged: Sequence[Mapping[str, Any]] = status["staged"]
    if staged:
        yield render.line(f"{render.plural(len(staged), 'edit')} staged:")
    yield from render.edits(staged, "Nothing is staged.")
