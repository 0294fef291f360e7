"""``wisedb switch``: move HEAD to a branch."""

from __future__ import annotations

import click

from .checkout import show_move
from .complete import complete_branch, complete_revision
from .options import command
from .session import Session


@command(
    "wisedb switch experiment", "wisedb switch -", "wisedb switch --create experiment", "wisedb switch -c fix HEAD~2"
)
@click.argument("branch", shell_complete=complete_branch)
@click.argument("start", metavar="[REV]", required=False, shell_complete=complete_revision)
@click.option("-c", "--create", is_flag=True, help="Make the branch first, at REV, HEAD by default.")
@click.option("-C", "--force-create", is_flag=True, help="The same, and move the branch if it exists.")
@click.option("-d", "--detach", is_flag=True, help="Put HEAD on a commit itself, off all branches.")
def switch(session: Session, branch: str, start: str | None, create: bool, force_create: bool, detach: bool) -> None:
    """Move HEAD to a branch; the next commit goes there.

    BRANCH may be -, the one that HEAD was on before.
    """
    makes = create or force_create
    if start is not None and not makes:
        raise click.UsageError("REV says where a new branch begins: give --create too")
    if makes and detach:
        raise click.UsageError("--create and --detach exclude each other")
    repository = session.repository()
    if makes:
        repository.branch(branch, start or "HEAD", force=force_create)
    move = repository.checkout(repository.store.resolve(branch)) if detach else repository.switch(branch)
    show_move(session, move.to_json(), "HEAD is at")
