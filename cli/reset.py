"""``wisedb reset``: move the branch itself."""

from __future__ import annotations

import click

from . import render
from .checkout import show_move
from .options import command, revision
from .session import Session


@command("wisedb reset HEAD~1", "wisedb reset --soft HEAD~1", "wisedb reset --hard ORIG_HEAD", 'wisedb reset "@{1}"')
@revision(default="HEAD")
@click.option("--soft", is_flag=True, help="Stage what the commits that are taken back brought into force.")
@click.option("--mixed", is_flag=True, help="Only move the branch; the default.")
@click.option("--hard", is_flag=True, help="Throw away what is staged, too.")
def reset(session: Session, rev: str, soft: bool, mixed: bool, hard: bool) -> None:
    """Move the branch itself to REV, HEAD by default.

    What is staged stays staged. The reflog and ORIG_HEAD remember where the branch was: 'wisedb reset ORIG_HEAD' takes
    the reset back. 'wisedb rollback' goes back and keeps the history; 'wisedb unstage' empties what is staged.
    """
    if soft + mixed + hard > 1:
        raise click.UsageError("--soft, --mixed and --hard exclude each other")
    move = session.repository().reset(rev, soft=soft, hard=hard).to_json()
    show_move(session, move, "The branch is at")
    if move.get("returned"):
        back = render.plural(len(move["returned"]), "fact")
        session.warn(f"{back} in force again that these commits had taken out: only edits can be staged")
