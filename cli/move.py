"""``checkout``, ``switch``, ``reset``, ``rollback`` and ``revert``: moving HEAD and branches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .options import command, complete_branch, revision, signature_options
from .session import Session

_MESSAGE = click.option(
    "-m", "--message", metavar="MSG", help="The new commit's message; says what it does by default."
)


@command("wisedb checkout v1", "wisedb checkout HEAD~2")
@revision()
def checkout(session: Session, rev: str) -> None:
    """Move HEAD to REV, to look around.

    The name of a branch puts HEAD on that branch.
    """
    _show(session, session.repository().checkout(rev).to_json(), "HEAD is at")


@command("wisedb switch experiment", "wisedb switch --create experiment")
@click.argument("branch", shell_complete=complete_branch)
@click.option("-c", "--create", is_flag=True, help="Make the branch first, at HEAD.")
def switch(session: Session, branch: str, create: bool) -> None:
    """Move HEAD to a branch; the next commit goes there."""
    repository = session.repository()
    if create:
        repository.branch(branch)
    _show(session, repository.switch(branch).to_json(), "HEAD is at")


@command("wisedb reset HEAD~1", 'wisedb reset "@{1}"')
@revision()
def reset(session: Session, rev: str) -> None:
    """Move the branch itself to REV.

    The reflog remembers where it was. 'wisedb rollback' goes back and keeps the history.
    """
    _show(session, session.repository().reset(rev).to_json(), "The branch is at")


@command("wisedb rollback HEAD~1", 'wisedb rollback v1 -m "back to what was released"')
@revision()
@_MESSAGE
@signature_options
def rollback(session: Session, rev: str, message: str | None, author: str, date: str | None) -> None:
    """Go back to the state of REV in a new commit.

    The history stays whole, and the memories are those of REV to the bit.
    """
    move = session.repository().rollback(rev, message, author=author, date=date)
    _show(session, move.to_json(), "Rolled back in")


@command("wisedb revert 1f3a", 'wisedb revert HEAD -m "that batch was wrong"', "wisedb revert HEAD --mainline 2")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--mainline", type=int, metavar="N", help="Of a merge: go back to the facts of parent N, from 1; 1 by default."
)
@_MESSAGE
@signature_options
def revert(
    session: Session, ids: tuple[str, ...], mainline: int | None, message: str | None, author: str, date: str | None
) -> None:
    """Take single facts out, in a new commit.

    All the others stay. ID is the id of an edit (4 or more digits), or a revision: then all that this commit changed
    is undone. Of a merge that is all that it brought to the branch it was made on.
    """
    with session.progress() as progress:
        move = session.repository().revert(
            list(ids), message, mainline=mainline, author=author, date=date, progress=progress
        )
    _show(session, move.to_json(), "Reverted in")


def _show(session: Session, move: Mapping[str, Any], what: str) -> None:
    session.show(move, lambda move: moved(move, what))


def moved(move: Mapping[str, Any], what: str) -> render.Lines:
    """Where HEAD is now; ``what`` begins the line."""
    branch = f" on branch {move['branch']}" if move["branch"] else ", on no branch"
    yield render.line(f"{what} ", render.ident(move["commit"]), branch)
