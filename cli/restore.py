"""``wisedb restore``: bring facts back as they were, or take edits out of the next commit."""

from __future__ import annotations

import click

from .complete import complete_revision
from .options import command
from .session import Session
from .status import situation


@command(
    'wisedb restore --source v1 "The capital of Australia is"',
    "wisedb restore --staged 1f3a",
    "wisedb restore --staged .",
)
@click.argument("what", metavar="PROMPT|EDIT...", nargs=-1, required=True)
@click.option(
    "--source", "-s", metavar="REV", shell_complete=complete_revision, help="As it was at REV, HEAD by default."
)
@click.option("--staged", "-S", is_flag=True, help="Take these edits out of the next commit; . means all of them.")
def restore(session: Session, what: tuple[str, ...], source: str | None, staged: bool) -> None:
    """Stage facts as they were in force at REV: the next commit brings them back.

    With --staged, take edits out of the next commit, as 'wisedb unstage' does.
    """
    repository = session.repository()
    if staged:
        if source is not None:
            raise click.UsageError("--staged and --source exclude each other")
        status = repository.unstage(None if what == (".",) else list(what))
    else:
        from wisedb.versioning.aside import restore as bring_back

        bring_back(repository.store, what, source or "HEAD")
        status = repository.status()
    session.tell(status.to_json(), situation)
