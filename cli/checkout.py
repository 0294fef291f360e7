"""``wisedb checkout``: move HEAD to look around."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import render
from .options import command, revision
from .session import Session


@command("wisedb checkout v1", "wisedb checkout HEAD~2")
@revision()
def checkout(session: Session, rev: str) -> None:
    """Move HEAD to REV, to look around.

    The name of a branch puts HEAD on that branch.
    """
    show_move(session, session.repository().checkout(rev).to_json(), "HEAD is at")


def show_move(session: Session, move: Mapping[str, Any], what: str) -> None:
    """Say where HEAD is now; ``what`` begins the line."""
    session.show(move, lambda move: moved(move, what))


def moved(move: Mapping[str, Any], what: str) -> render.Lines:
    """Where HEAD is now; ``what`` begins the line."""
    branch = f" on branch {move['branch']}" if move["branch"] else ", on no branch"
    yield render.line(f"{what} ", render.ident(move["commit"]), branch)
