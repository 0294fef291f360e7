"""``wisedb checkout``: move HEAD to look around."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .complete import complete_revision
from .options import command
from .session import Session


@command("wisedb checkout v1", "wisedb checkout HEAD~2", "wisedb checkout -", "wisedb checkout -b experiment v1")
@click.argument("rev", metavar="[REV]", required=False, shell_complete=complete_revision)
@click.option("-b", "--create", "name", metavar="NAME", help="Make this branch at REV (HEAD by default), and go there.")
@click.option("-B", "--force-create", "moved_name", metavar="NAME", help="The same, and move the branch if it exists.")
@click.option("--detach", is_flag=True, help="Put HEAD on the commit itself, even if REV names a branch.")
def checkout(session: Session, rev: str | None, name: str | None, moved_name: str | None, detach: bool) -> None:
    """Move HEAD to REV, to look around.

    The name of a branch puts HEAD on that branch, - on the one that it was on before; anything else on no branch.
    Without REV it only says where HEAD is.
    """
    repository = session.repository()
    if name or moved_name:
        if detach or (name and moved_name):
            raise click.UsageError("-b, -B and --detach exclude each other")
        created = name or moved_name or ""
        repository.branch(created, rev or "HEAD", force=moved_name is not None)
        move = repository.switch(created)
    else:
        goal = rev or ("HEAD" if detach else repository.store.refs.head().branch or "HEAD")
        move = repository.checkout(repository.store.resolve(goal) if detach else goal)
    show_move(session, move.to_json(), "HEAD is at")


def show_move(session: Session, move: Mapping[str, Any], what: str) -> None:
    """Say where HEAD is now; ``what`` begins the line."""
    session.tell(move, lambda move: moved(move, what))
    left = move.get("left") or []
    if left:
        newest = left[0][: render.SHORT]
        session.warn(
            f"{render.plural(len(left), 'commit')} on no branch left behind, {newest} the newest: 'wisedb branch NAME"
            f" {newest}' keeps them"
        )
    if move["branch"] is None and move["from"] != move["head"]:
        session.note(
            "HEAD is on no branch now: 'wisedb switch --create NAME' makes one here, 'wisedb switch -' goes back."
        )


def moved(move: Mapping[str, Any], what: str) -> render.Lines:
    """Where HEAD is now; ``what`` begins the line."""
    branch = f" on branch {move['branch']}" if move["branch"] else ", on no branch"
    yield render.line(f"{what} ", render.ident(move["commit"]), branch)
    if move.get("staged"):
        yield render.line(f"{render.plural(len(move['staged']), 'edit')} staged again: 'wisedb status' lists them.")
    if move.get("dropped"):
        named = " ".join(edit[: render.SHORT] for edit in move["dropped"])
        yield render.line(
            (f"{render.plural(len(move['dropped']), 'edit')} thrown away that was staged: {named}", "yellow")
        )
