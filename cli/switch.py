"""``wisedb switch``: move HEAD to a branch."""

from __future__ import annotations

import click

from .checkout import show_move
from .options import command, complete_branch
from .session import Session


@command("wisedb switch experiment", "wisedb switch --create experiment")
@click.argument("branch", shell_complete=complete_branch)
@click.option("-c", "--create", is_flag=True, help="Make the branch first, at HEAD.")
def switch(session: Session, branch: str, create: bool) -> None:
    """Move HEAD to a branch; the next commit goes there."""
    repository = session.repository()
    if create:
        repository.branch(branch)
    show_move(session, repository.switch(branch).to_json(), "HEAD is at")
